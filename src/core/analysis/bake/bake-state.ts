import {
  type Count,
  type Counting,
  countCut,
  countErrors,
  countRetried,
  countSlow,
  plus,
  summed,
} from '../sequential/counts.ts';

import { type Metric, spreadOf, WEIGHTS } from '../sequential/judge-line.ts';
import { chosenEdges, learnEdges } from '../sequential/learn-line.ts';
import { learn } from '../sequential/metric.ts';
import type { SequentialSettings } from '../sequential/settings.ts';
import type { SequentialState } from '../sequential/state.ts';
import type { Line } from '../sequential/walk.ts';
import { againstLimit } from '../statistics/absolute-test.ts';
import { NO_EVIDENCE } from '../statistics/clipped-sum.ts';
import { type Combined, clipFor, combineEvidence, rejects } from '../statistics/combine.ts';
import { type DispersionState, dispersion, NO_PAIRS } from '../statistics/dispersion.ts';
import { type EDetectorState, NO_CHANGE, updateEDetector } from '../statistics/e-detector.ts';
import { upperRate } from '../statistics/upper-rate.ts';

/** Requests of stable that it takes to say what it was like. */
const LEAST_BASELINE = 200;
/** In units of what a good canary gathers on average until the end; as in a step. */
const SUSPICIOUS = 10;

export type BakeSettings = Omit<SequentialSettings, 'steps'>;

/** One metric, or one edge of the latency. */
export interface BakeMetric {
  readonly metric: Metric;
  /** Share in the common evidence. */
  readonly weight: number;
  /** ms; `null`: no latency. */
  readonly edge: number | null;
  /** While stable had requests. */
  readonly stable: Count;
  readonly pairs: DispersionState;
  readonly detector: EDetectorState;
  /** Since the canary has all of them. */
  readonly canary: Count;
}

/** JSON; the size does not depend on the number of proxies. */
export interface BakeState {
  readonly ticks: number;
  readonly metrics: readonly BakeMetric[];
  /** Until the edges are chosen. */
  readonly before: SequentialState['before'];
  readonly together: Combined;
}

export function startBake(): BakeState {
  const metric = (name: Metric) => newMetric(name, WEIGHTS[name]);
  return {
    ticks: 0,
    metrics: [metric('error-rate'), metric('retried-5xx'), metric('resets-timeouts')],
    before: { timed: 0, edges: [] },
    together: { ...NO_EVIDENCE, cause: 'error-rate' },
  };
}

function newMetric(metric: Metric, weight: number): BakeMetric {
  const none = { bad: 0, total: 0 };
  return { metric, weight, edge: null, stable: none, pairs: NO_PAIRS, detector: NO_CHANGE, canary: none };
}

/** A line from when stable had requests: what it was like, and how unevenly. */
export function learnStable(settings: BakeSettings, state: BakeState, line: Line): BakeState {
  const stable = line.pairs.flatMap((pair) => (pair.stable === null ? [] : [pair.stable]));
  return {
    ...state,
    metrics: state.metrics.map((one) => {
      const of = countingOf(settings, one);
      return { ...learn(one, line, of), stable: plus(one.stable, summed(stable, of)) };
    }),
    before: state.before === null ? null : learnEdges(settings, state.before, line, stable),
  };
}

/** Enough to hold a canary against it? */
export function hasBaseline({ metrics }: BakeState): boolean {
  return metrics.some(({ metric, stable }) => metric === 'error-rate' && stable.total >= LEAST_BASELINE);
}

/**
 * A line since the canary has all requests. `ticks`: of the whole bake. Nobody is there to compare with at the same
 * moment, so each metric is held against what stable was like before, times the margin; and since a change may come at
 * any moment, an e-detector looks for it. The sum of its starts grows by 1 per tick on average, so it comes to
 * `ticks / alpha` in one of `1 / alpha` bakes at most.
 */
export function watchCanary(settings: BakeSettings, before: BakeState, line: Line, ticks: number): BakeState {
  const state = choose(settings, before);
  const canary = line.pairs.flatMap((pair) => (pair.canary === null ? [] : [{ ...pair, canary: pair.canary }]));
  if (canary.length === 0) return state;
  const warmFromMs = line.liveFromMs + settings.latency.warmupMs;
  const metrics = state.metrics.map((one): BakeMetric => {
    const counted = one.edge === null ? canary : canary.filter(({ fromMs }) => fromMs >= warmFromMs);
    const of = countingOf(settings, one);
    const counts = counted.map((pair) => of(pair.canary));
    const limit = limitOf(settings, one);
    const strata = counts.map(({ bad, total }) => againstLimit(bad, total, limit));
    return {
      ...one,
      detector: updateEDetector(detectorOf(ticks, settings), one.detector, strata, dispersion(one.pairs)),
      canary: counts.reduce(plus, one.canary),
    };
  });
  const evidence = metrics.map(({ metric, weight, detector }) => ({
    ...{ name: metric, weight, raw: detector.logE ?? 0 },
  }));
  // A change may have come at this very tick, so what is gained is gained upon 1, however good it looked before.
  const { raw, logE } = state.together;
  const base = { raw: Math.max(0, raw), logE: Math.max(0, logE) };
  const clip = clipFor(alphaOf(ticks, settings), settings.scrapes);
  return { ...state, ticks: state.ticks + 1, metrics, together: combineEvidence(base, evidence, clip) };
}

/** What stable may have been like at worst, times the margin; 1: nothing could be worse. */
export function limitOf({ margin }: BakeSettings, { stable, pairs }: BakeMetric): number {
  return Math.min(1, margin * upperRate(stable.bad, stable.total, dispersion(pairs)));
}

export function hasTripped({ together }: BakeState, ticks: number, settings: BakeSettings): boolean {
  return rejects(together.logE, alphaOf(ticks, settings));
}

export function isSuspicious({ together }: BakeState, ticks: number): boolean {
  return together.logE >= Math.log(SUSPICIOUS * ticks);
}

function alphaOf(ticks: number, { alpha }: BakeSettings): number {
  return alpha / ticks;
}

function detectorOf(ticks: number, settings: BakeSettings) {
  return { ratio: 1, ticksBetween: 1 / alphaOf(ticks, settings) };
}

/** Before the first line of the canary counts; a latency that nobody can judge gives its share to the others. */
function choose(settings: BakeSettings, state: BakeState): BakeState {
  const { before } = state;
  if (before === null) return state;
  const edges = before.timed === 0 ? [] : chosenEdges(settings, before, settings.latency.objectives);
  const spread = spreadOf(edges.length > 0);
  const latency = edges.map(
    ({ edge: { ms, weight }, stable, pairs }): BakeMetric => ({
      ...newMetric('latency', WEIGHTS.latency * weight),
      ...{ edge: ms, stable, pairs },
    }),
  );
  const others = state.metrics.map((one) => ({ ...one, weight: one.weight * spread }));
  return { ...state, before: null, metrics: [...others, ...latency] };
}

function countingOf(settings: BakeSettings, { metric, edge }: BakeMetric): Counting {
  if (edge !== null) return countSlow(edge, settings);
  if (metric === 'retried-5xx') return countRetried;
  return metric === 'resets-timeouts' ? countCut : countErrors(settings.errors.count);
}
