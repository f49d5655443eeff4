import type { JudgeInput, JudgeState } from '../judge.ts';
import type { RampStep } from '../ramp.ts';
import { freshForMs } from '../sample-health.ts';
import type { Cell } from '../scrapes.ts';
import { scrapeOf } from './cell-scrape.ts';
import { type Line, type Place, SETTLE_SCRAPES, type WalkSettings, walk } from './walk.ts';

/** Samples are judged once they are so many scrapes old: then they are all there. */
export const WATERMARK_SCRAPES = 2;
/** So far back a proxy's scrape before may lie. */
const LOOK_BACK_SCRAPES = 8;
/** Scrapes of stable alone that are looked at before the canary gets requests, ms. */
export const HISTORY_MS = 900_000;

/** How far the grid of scrapes was judged. */
export interface GridPlace {
  readonly place: Place | null;
  /** The last cell that was judged; what comes later for it is dropped. */
  readonly judgedIndex: number;
  /** Proxies in that cell when it was judged, and samples that came later. */
  readonly seen: number;
  readonly late: number;
}

/** What came too late so far, whichever judge has walked the grid last. */
export function lateSoFar(state: JudgeState | null): number {
  const { late }: JudgeState = state ?? {};
  return typeof late === 'number' ? late : 0;
}

interface Grid {
  readonly settings: WalkSettings;
  readonly ramp: readonly RampStep[];
  readonly nowMs: number;
  readonly scrapeMs: number;
}

/** With the history before the first step, or so much of it as there is use for. */
export function beginGrid(firstMs: number, scrapeMs: number, historyMs: number = HISTORY_MS): GridPlace {
  return { place: null, judgedIndex: Math.floor((firstMs - historyMs) / scrapeMs) - 1, seen: 0, late: 0 };
}

/**
 * From when the next look needs samples: those since the last one, with what they are compared to. As a rule that is one
 * scrape or two, which is most of what a look costs.
 */
export function gridFromMs({ judgedIndex, place }: Pick<GridPlace, 'judgedIndex' | 'place'>, scrapeMs: number): number {
  const { sinceMs = Number.NEGATIVE_INFINITY } = place ?? {};
  const since = Math.min(Math.floor(sinceMs / scrapeMs), judgedIndex);
  return Math.max(judgedIndex - LOOK_BACK_SCRAPES, since) * scrapeMs;
}

/** Was the last scrape that told something too long ago to go by? It could be judged no sooner than all of it was there. */
export function isOld(atMs: number, { nowMs, scrapeMs }: Pick<Grid, 'nowMs' | 'scrapeMs'>): boolean {
  return nowMs - atMs > freshForMs(scrapeMs) + WATERMARK_SCRAPES * scrapeMs;
}

/**
 * So long after a step is live its first comparison is judged at the latest, ms: once it has settled, one scrape to begin
 * with and one to compare, both complete, and the next look.
 */
export function firstVerdictMs({
  scrapeMs,
  routeTimeoutMs = 0,
}: Pick<JudgeInput, 'scrapeMs' | 'routeTimeoutMs'>): number {
  return (SETTLE_SCRAPES + 2 + WATERMARK_SCRAPES + 1) * scrapeMs + routeTimeoutMs;
}

/**
 * Every cell is judged once and in order, whoever looks and whenever. Those that were judged before are walked once
 * more: what the next one is compared with is in no memory. `done`: no later cell counts.
 */
export function walkCells(
  cells: readonly Cell[],
  before: GridPlace,
  { settings, ramp, nowMs, scrapeMs }: Grid,
  { judge, done }: { readonly judge: (line: Line, cell: Cell) => void; readonly done: () => boolean },
): GridPlace {
  let { place, judgedIndex, seen } = before;
  const endIndex = Math.floor(nowMs / scrapeMs) - WATERMARK_SCRAPES;
  const known = cells.find(({ index }) => index === judgedIndex);
  const late =
    before.late + Math.max(0, before.seen === 0 ? 0 : Object.keys(known?.proxies ?? {}).length - before.seen);
  const walked = cells.filter(({ index }) => index <= before.judgedIndex).map((cell) => scrapeOf(ramp, cell));
  const way = walk(settings, place === null ? null : { place, scrapes: walked });
  for (const cell of cells) {
    if (done()) break;
    if (cell.index <= before.judgedIndex || cell.index > endIndex) continue;
    judgedIndex = cell.index;
    seen = Object.keys(cell.proxies).length;
    const line = way.read(scrapeOf(ramp, cell));
    place = way.place();
    judge(line, cell);
  }
  if (judgedIndex === before.judgedIndex) seen = before.seen + (late - before.late);
  return { place, judgedIndex, seen, late };
}
