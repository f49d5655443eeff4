import { z } from 'zod';
import type { Bake, JudgeInput, JudgeOutcome, JudgeState, Verdict } from '../judge.ts';
import type { RampStep } from '../ramp.ts';
import { sampleHealth } from '../sample-health.ts';
import { type Cell, cellsOf } from '../scrapes.ts';
import { stepOf } from '../sequential/cell-scrape.ts';
import { beginGrid, type GridPlace, gridFromMs, HISTORY_MS, lateSoFar, walkCells } from '../sequential/cell-walk.ts';
import { liveSettings } from '../sequential/live-settings.ts';
import type { SequentialSettings } from '../sequential/settings.ts';
import type { Line } from '../sequential/walk.ts';
import { combined, inconclusive, queryVerdicts } from '../with-queries.ts';
import { type BakeState, hasBaseline, hasTripped, learnStable, startBake, watchCanary } from './bake-state.ts';
import { describeBake } from './bake-verdicts.ts';

/** What is remembered between looks. */
interface BakeMemory extends GridPlace {
  readonly bake: BakeState;
  /** Of the whole bake, as it was planned when it began. */
  readonly ticks: number;
  /** Has stable shown enough of itself? `null`: its time was not looked at to the end. */
  readonly baseline: boolean | null;
  /** The last scrape that told something, and whether it sends the canary back. */
  readonly last: { readonly atMs: number; readonly tripped: boolean } | null;
}

const MemoryShape = z.looseObject({
  judgedIndex: z.number(),
  ticks: z.number(),
  bake: z.looseObject({ ticks: z.number() }),
});

function recall(state: JudgeState | null): BakeMemory | null {
  return state !== null && MemoryShape.safeParse(state).success ? (state as unknown as BakeMemory) : null;
}

/** Can a bake be judged by what stable was like before it? Known once that was looked at. */
export function isComparable(state: JudgeState | null): boolean {
  return recall(state)?.baseline !== false;
}

/** From when samples are needed: those since the last look, or first those of stable's last time. */
export function bakeFromMs(state: JudgeState | null, stableUntilMs: number, scrapeMs: number): number {
  const memory = recall(state);
  return memory === null ? stableUntilMs - HISTORY_MS : gridFromMs(memory, scrapeMs);
}

/**
 * After all requests went to the canary: nothing runs beside it any more, so it is held against what stable was like
 * in its last quarter of an hour. As in a step each scrape is judged once, whoever looks and whenever.
 */
export function assessBake(input: JudgeInput, bake: Bake): JudgeOutcome {
  const queries = queryVerdicts(input);
  const shares = input.analysis.filter((spec) => spec.kind !== 'query');
  if (shares.length === 0) return combined(queries, 'advance', input.state);
  const health = sampleHealth(input);
  if (health.kind === 'gap') {
    const open = shares.map(({ name }) => inconclusive(name, health.gap, health.detail));
    return combined([...open, ...queries], 'hold', input.state);
  }
  const cells = cellsOf(health.series, input.arms, input.scrapeMs);
  const settings = liveSettings(input);
  const memory = lookAt(cells, recall(input.state) ?? begin(input, bake, settings), input, { settings, bake });
  const { verdicts, decision } = describeBake(memory, input, settings, bake);
  const { thin } = health;
  const held = thin !== null && decision === 'advance';
  const shown = held
    ? verdicts.map((v): Verdict => ({ ...v, verdict: 'inconclusive', reason: thin.gap, detail: thin.detail }))
    : verdicts;
  return combined([...shown, ...queries], held ? 'hold' : decision, memory as unknown as JudgeState);
}

function begin(
  { scrapeMs, state }: JudgeInput,
  { stableUntilMs, forMs }: Bake,
  { scrapes }: Pick<SequentialSettings, 'scrapes'>,
): BakeMemory {
  // Fewer could send nothing back.
  const ticks = Math.max(scrapes, Math.ceil(forMs / scrapeMs));
  const grid = { ...beginGrid(stableUntilMs, scrapeMs), late: lateSoFar(state) };
  return { ...grid, bake: startBake(), ticks, baseline: null, last: null };
}

function lookAt(
  cells: readonly Cell[],
  memory: BakeMemory,
  { nowMs, scrapeMs }: JudgeInput,
  { settings, bake: { stableUntilMs, liveAtMs } }: { readonly settings: SequentialSettings; readonly bake: Bake },
): BakeMemory {
  const { ticks } = memory;
  let { bake, baseline, last } = memory;
  const ramp: readonly RampStep[] = [{ share: 1, committedAtMs: stableUntilMs, liveAtMs }];
  const judge = (line: Line, cell: Cell): void => {
    const step = stepOf(ramp, cell);
    if (step === -1) {
      bake = learnStable(settings, bake, line);
      return;
    }
    baseline ??= hasBaseline(bake);
    if (step === null || !baseline) return;
    const before = bake.ticks;
    bake = watchCanary(settings, bake, line, ticks);
    if (bake.ticks > before) last = { atMs: cell.t, tripped: hasTripped(bake, ticks, settings) };
  };
  // What sends back once does so for good, however much later somebody looks.
  const done = () => last?.tripped === true;
  const grid = walkCells(cells, memory, { settings, ramp, nowMs, scrapeMs }, { judge, done });
  return { ...memory, ...grid, bake, baseline, last };
}
