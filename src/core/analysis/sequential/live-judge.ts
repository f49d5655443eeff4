import { z } from 'zod';
import { canaryGone } from '../canary-gone.ts';
import type { JudgeInput, JudgeOutcome, JudgeState, Verdict } from '../judge.ts';
import { sampleHealth } from '../sample-health.ts';
import { MAX_SAMPLE, SAMPLE } from '../sample-proxies.ts';
import { type Cell, cellsOf } from '../scrapes.ts';
import { combined, inconclusive, queryVerdicts } from '../with-queries.ts';
import { stepOf } from './cell-scrape.ts';
import { beginGrid, type GridPlace, gridFromMs, HISTORY_MS, walkCells } from './cell-walk.ts';
import { judgeLine, recordLine } from './judge-line.ts';
import { liveSettings } from './live-settings.ts';
import { type PackedState, packState, settled, unpackState } from './pack.ts';
import { powerShare, requestsLeft } from './power-left.ts';
import { achievedShare, resumeRouting } from './routing-check.ts';
import type { SequentialSettings } from './settings.ts';
import { startsAt, startsOf } from './starts.ts';
import { type SequentialState, startJudging } from './state.ts';
import { countsOf, dispersions, type StepBase, since } from './step-counts.ts';
import { describe, type LastLook } from './verdicts.ts';
import type { Line } from './walk.ts';

const BEFORE = -1;
/** What is remembered between looks. */
interface Memory extends GridPlace {
  readonly state: PackedState;
  readonly canarySeenAtMs: number | null;
  /** Counts when the present step began. */
  readonly base: StepBase | null;
  readonly last: LastLook | null;
  /** Envoys that are looked at. */
  readonly sample: number;
}

const MemoryShape = z.looseObject({
  judgedIndex: z.number(),
  sample: z.number(),
  state: z.looseObject({ ticks: z.number() }),
});

function recall(state: JudgeState | null): Memory | null {
  // The store gives back what this very code has written; a shape that is none of it begins anew.
  return state !== null && MemoryShape.safeParse(state).success ? (state as unknown as Memory) : null;
}

/** From when samples are needed: those since the last look with what they are compared to, or history first. */
export function sequentialFromMs(state: JudgeState | null, firstCommittedAtMs: number, scrapeMs: number): number {
  const memory = recall(state);
  if (memory === null) return firstCommittedAtMs - HISTORY_MS;
  return gridFromMs(memory, scrapeMs);
}

/** How many Envoys a look at them needs. */
export function sequentialSample(state: JudgeState | null): number {
  return recall(state)?.sample ?? SAMPLE;
}

/** Edges of the histogram that a look needs, ms; `null`: all of them, until those to judge by are chosen. */
export function sequentialEdges(state: JudgeState | null): readonly number[] | null {
  const judged = recall(state)?.state;
  return judged === undefined || judged.before !== null ? null : judged.edges.map(({ edge }) => edge.ms);
}

/**
 * The sequential judge on a live rollout: the samples since the last look, scrape by scrape, each judged once and
 * never again, whoever looks and whenever.
 */
export function assessSequential(input: JudgeInput): JudgeOutcome {
  const queries = queryVerdicts(input);
  const shares = input.analysis.filter((spec) => spec.kind !== 'query');
  if (shares.length === 0) return combined(queries, 'advance', input.state);
  const before = recall(input.state);
  const settings = liveSettings(input);
  const gone = canaryGone(input, before?.canarySeenAtMs ?? null, settings.nodataTimeoutMs);
  if (gone !== null) return combined([gone, ...queries], 'rollback', input.state);
  const health = sampleHealth(input);
  if (health.kind === 'gap') {
    const open = shares.map((spec) => inconclusive(spec.name, health.gap, health.detail));
    return combined([...open, ...queries], 'hold', input.state);
  }
  const cells = cellsOf(health.series, input.arms, input.scrapeMs);
  const memory = lookAt(cells, before ?? begin(input, settings), input, settings);
  const { verdicts, decision } = describe(memory.last, input);
  // More Envoys tell more: looked at only where the whole plan waits for it.
  const isPoor = verdicts.some(({ reason }) => reason === 'LOW_POWER');
  const kept: Memory = isPoor ? { ...memory, sample: Math.min(2 * memory.sample, MAX_SAMPLE) } : memory;
  const thin = health.thin;
  const held = thin !== null && decision === 'advance';
  const shown = held
    ? verdicts.map((v): Verdict => ({ ...v, verdict: 'inconclusive', reason: thin.gap, detail: thin.detail }))
    : verdicts;
  const outcome = combined([...shown, ...queries], held ? 'hold' : decision, kept as unknown as JudgeState);
  return outcome.decision === 'advance' && memory.last?.decision.skips === true ? { ...outcome, skips: true } : outcome;
}

function begin({ ramp = [], liveAtMs, scrapeMs }: JudgeInput, settings: SequentialSettings): Memory {
  const firstMs = ramp[0]?.committedAtMs ?? liveAtMs;
  return {
    ...{ canarySeenAtMs: null, base: null, last: null },
    ...beginGrid(firstMs, scrapeMs),
    state: packState(startJudging(settings)),
    sample: SAMPLE,
  };
}

function lookAt(
  cells: readonly Cell[],
  memory: Memory,
  { nowMs, scrapeMs, ramp = [], resumed }: JudgeInput,
  settings: SequentialSettings,
): Memory {
  let { base, last, canarySeenAtMs } = memory;
  let judged: SequentialState | null = null;
  const judge = (line: Line, cell: Cell): void => {
    if (line.canarySeen) canarySeenAtMs = cell.t;
    const before = withResume(judged ?? unpackState(memory.state), line, resumed);
    const step = stepOf(ramp, cell);
    if (step === BEFORE) {
      judged = settled(recordLine(settings, before, line));
      return;
    }
    if (step !== null && base?.step !== step) base = { step, counts: countsOf(before) };
    const { state, lnE, decision } = judgeLine(settings, before, line);
    judged = settled(state);
    const tells = line.pairs.length > 0 || decision.kind === 'rollback' || decision.code === 'NO_DATA';
    if (step === null || base === null || !tells) return;
    const power = powerShare(settings, state);
    const counts = since(base, countsOf(state));
    const more = decision.code === 'POWER' ? requestsLeft(settings, state, counts['error-rate']) : null;
    const { logE: together, cause } = state.combined;
    last = {
      ...{ step, atMs: cell.t, decision, cause, lnE, together, power, counts, phi: dispersions(state) },
      alpha: settings.alpha,
      detectable: settings.detectable,
      ...(more === null ? {} : { more }),
      ...{ resume: state.routing.resumed?.id, achieved: achievedShare(state.routing) },
    };
  };
  // What sends back once does so for good, however much later somebody looks.
  const done = () => last?.decision.kind === 'rollback';
  const grid = walkCells(cells, memory, { settings, ramp, nowMs, scrapeMs }, { judge, done });
  const state = judged === null ? memory.state : packState(judged);
  return { ...memory, ...grid, state, base, last, canarySeenAtMs };
}

function withResume(state: SequentialState, { t }: Line, resumed: JudgeInput['resumed']): SequentialState {
  const { ticks, activations } = state;
  const starts = startsAt(activations, startsOf(state));
  return { ...state, routing: resumeRouting(state.routing, resumed ?? null, { t, ticks, starts }) };
}
