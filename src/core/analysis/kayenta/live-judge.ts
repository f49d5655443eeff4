import { z } from 'zod';
import { isSplit, TOTAL_WEIGHT } from '../../model/documents.ts';
import type { KayentaSpec } from '../../model/kayenta-spec.ts';
import { canaryGone } from '../canary-gone.ts';
import type { JudgeInput, JudgeOutcome, JudgeState, Verdict } from '../judge.ts';
import type { RampStep } from '../ramp.ts';
import { sampleHealth } from '../sample-health.ts';
import { type Cell, cellsOf } from '../scrapes.ts';
import { stepOf } from '../sequential/cell-scrape.ts';
import { beginGrid, type GridPlace, gridFromMs, walkCells } from '../sequential/cell-walk.ts';
import { SEQUENTIAL_DEFAULTS } from '../sequential/settings.ts';
import type { Line } from '../sequential/walk.ts';
import type { ShareSpec } from '../threshold/measure-share.ts';
import { inconclusive, queryVerdicts } from '../with-queries.ts';
import { decide, type KayentaJudgement } from './decide.ts';
import { judgeSamples } from './judge-samples.ts';
import { countLine } from './line-counts.ts';
import { describeKayenta, type StepTotals } from './live-verdicts.ts';
import { leastSamples } from './plan-metrics.ts';
import { addCounts, both, fewest, NO_SAMPLES, type Samples, withNames } from './samples.ts';

/** What is remembered between looks. */
interface Memory extends GridPlace {
  readonly samples: Samples;
  readonly canarySeenAtMs: number | null;
  /** Of the first scrape that counted. */
  readonly startedAtMs: number | null;
  /** Of the last scrape that counted. */
  readonly countedAtMs: number | null;
  /** Requests of the present step. */
  readonly totals: StepTotals | null;
  readonly last: KayentaJudgement | null;
}

const MemoryShape = z.looseObject({
  judgedIndex: z.number(),
  samples: z.looseObject({ names: z.array(z.string()), series: z.array(z.array(z.number().nullable())) }),
});

function recall(state: JudgeState | null): Memory | null {
  // The store gives back what this very code has written; a shape that is none of it begins anew.
  return state !== null && MemoryShape.safeParse(state).success ? (state as unknown as Memory) : null;
}

/** From when samples are needed: those since the last look, with what they are compared to. */
export function kayentaFromMs(state: JudgeState | null, firstCommittedAtMs: number, scrapeMs: number): number {
  const memory = recall(state);
  return memory === null ? firstCommittedAtMs - scrapeMs : gridFromMs(memory, scrapeMs);
}

/**
 * Kayenta's judge on a running canary: a sample of each arm per stretch of time, from the same pairs of scrapes as the
 * sequential judge has, each counted once, whoever looks and whenever; and a judgement of all of them per interval.
 */
export function assessKayenta(spec: KayentaSpec, input: JudgeInput): JudgeOutcome {
  const queries = queryVerdicts(input);
  const shares = input.analysis.filter((one): one is ShareSpec => one.kind !== 'query');
  if (shares.length === 0) return together([], 'advance', queries, input.state);
  const before = recall(input.state);
  const nodataTimeoutMs = input.plan?.nodataTimeoutMs ?? SEQUENTIAL_DEFAULTS.nodataTimeoutMs;
  const gone = canaryGone(input, before?.canarySeenAtMs ?? null, nodataTimeoutMs);
  if (gone !== null) return together([gone], 'rollback', queries, input.state);
  const health = sampleHealth(input);
  if (health.kind === 'gap') {
    const open = shares.map(({ name }) => inconclusive(name, health.gap, health.detail));
    return together(open, 'hold', queries, input.state);
  }
  const cells = cellsOf(health.series, input.arms, input.scrapeMs);
  const memory = lookAt(cells, before ?? begin(input), input, { spec, shares });
  const isNew = memory.last !== null && memory.last.atMs !== before?.last?.atMs;
  const { verdicts, decision } = describeKayenta(spec, { ...memory, isNew }, input);
  const { thin } = health;
  if (thin === null || decision !== 'advance') return together(verdicts, decision, queries, asState(memory));
  const [first, ...rest] = verdicts;
  const held = first === undefined ? [] : [open(first, thin.gap, thin.detail)];
  return together([...held, ...rest], 'hold', queries, asState(memory));
}

function open(verdict: Verdict, reason: Verdict['reason'], detail: string): Verdict {
  return { ...verdict, verdict: 'inconclusive', reason, detail };
}

function asState(memory: Memory): JudgeState {
  return memory as unknown as JudgeState;
}

/** A metric that fails is one of several here, and the score is of all; a custom query has a word of its own. */
function together(
  verdicts: readonly Verdict[],
  decision: JudgeOutcome['decision'],
  queries: readonly Verdict[],
  state: JudgeState | null,
): JudgeOutcome {
  if (decision === 'rollback') return { verdicts: [...verdicts, ...queries], decision, state };
  const failed = queries.filter(({ verdict }) => verdict === 'fail');
  if (failed.length > 0) {
    const others = queries.filter((one) => !failed.includes(one));
    return { verdicts: [...failed, ...verdicts, ...others], decision: 'rollback', state };
  }
  const held = queries.some(({ verdict }) => verdict !== 'pass');
  return { verdicts: [...verdicts, ...queries], decision: held ? 'hold' : decision, state };
}

function begin({ ramp = [], liveAtMs, scrapeMs }: JudgeInput): Memory {
  return {
    ...beginGrid(ramp[0]?.committedAtMs ?? liveAtMs, scrapeMs, 0),
    samples: NO_SAMPLES,
    ...{ canarySeenAtMs: null, startedAtMs: null, countedAtMs: null, totals: null, last: null },
  };
}

function lookAt(
  cells: readonly Cell[],
  memory: Memory,
  { nowMs, scrapeMs, ramp = [], routeTimeoutMs = 0, plan }: JudgeInput,
  { spec, shares }: { readonly spec: KayentaSpec; readonly shares: readonly ShareSpec[] },
): Memory {
  const names = shares.map(({ name }) => name);
  const lookback = spec.lookbackMs === null ? null : Math.max(1, Math.floor(spec.lookbackMs / spec.sampleMs));
  const least = leastSamples(spec.confidence);
  let { canarySeenAtMs, startedAtMs, countedAtMs, totals, last } = memory;
  let samples = withNames(memory.samples, names);
  if (totals !== null && samples !== memory.samples) totals = { ...totals, counts: names.map(() => null) };
  const judge = (line: Line, cell: Cell): void => {
    if (line.canarySeen) canarySeenAtMs = cell.t;
    const step = stepOf(ramp, cell);
    if (step === null || step < 0) return;
    const counts = countLine(line, shares, { routeTimeoutMs });
    // What is scraped at the very end of a stretch is the last of it.
    const at = { index: Math.ceil(cell.t / spec.sampleMs) - 1, step };
    samples = addCounts(samples, at, counts, lookback);
    if (counts !== null) {
      startedAtMs ??= cell.t;
      countedAtMs = cell.t;
      const old = totals?.step === step ? totals.counts : [];
      totals = { step, counts: counts.map((one, i) => both(old[i] ?? undefined, one)) };
    }
    // By the grid that is the same for everybody: of several backends one that was judged late would never be again at
    // the looks of the others, and all of them have to pass at one.
    const liveAtMs = ramp[step]?.liveAtMs ?? cell.t;
    const intervalOf = (atMs: number): number =>
      Math.floor((Math.floor(atMs / scrapeMs) * scrapeMs - liveAtMs) / spec.intervalMs);
    const isDue = intervalOf(cell.t) > Math.max(0, intervalOf(last?.atMs ?? 0));
    const endMs = startedAtMs === null || spec.lifetimeMs === null ? null : startedAtMs + spec.lifetimeMs;
    const ends = endMs !== null && cell.t >= endMs && (last?.atMs ?? 0) < endMs;
    // With fewer samples nobody could tell a difference, and it is no judgement.
    if ((!isDue && !ends) || fewest(samples) < least) return;
    const when = whenOf(spec, cell.t, startedAtMs ?? cell.t, ramp[step] ?? null, plan);
    last = { ...judgeSamples(spec, samples), ...{ atMs: cell.t, step, when } };
  };
  // What sends back once does so for good, however much later somebody looks.
  const done = () => last !== null && decide(spec, last) === 'rollback';
  const grid = walkCells(
    cells,
    memory,
    { settings: { scrapeMs, routeTimeoutMs }, ramp, nowMs, scrapeMs },
    { judge, done },
  );
  return { ...memory, ...grid, samples, canarySeenAtMs, startedAtMs, countedAtMs, totals, last };
}

/** Where in the canary's life a judgement falls. Steps of one weight are judged alike. */
function whenOf(
  { lifetimeMs }: KayentaSpec,
  atMs: number,
  startedAtMs: number,
  step: RampStep | null,
  plan: JudgeInput['plan'],
): KayentaJudgement['when'] {
  const last = plan?.steps.findLast(isSplit) ?? null;
  if (lifetimeMs === null || last === null || step === null || step.share * TOTAL_WEIGHT < last.weight)
    return 'on the way';
  if (atMs - startedAtMs < lifetimeMs) return 'before its end';
  return atMs - (step.liveAtMs ?? atMs) < last.holdMs ? 'on the way' : 'at its end';
}
