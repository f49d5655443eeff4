import type { ClippedSum } from '../statistics/clipped-sum.ts';
import { NO_EVIDENCE } from '../statistics/clipped-sum.ts';
import type { DispersionState } from '../statistics/dispersion.ts';
import type { CeilingState } from './ceiling.ts';
import type { Count } from './counts.ts';
import type { LatencyEdge } from './latency-edges.ts';
import { type MetricState, startMetric } from './metric.ts';
import { type SafetyState, startSafety } from './non-inferiority.ts';
import { type RoutingState, startRouting } from './routing-check.ts';
import { everAsked, type SequentialSettings } from './settings.ts';
import { countStarts, startsAt } from './starts.ts';

/** One edge of the histogram, while the edges to judge by are not chosen yet. */
export interface SeenEdge {
  readonly ms: number;
  readonly slow: number;
  readonly pairs: DispersionState;
}

export interface JudgedEdge {
  readonly edge: LatencyEdge;
  readonly metric: MetricState;
  /** Of an objective: all strata so far, per unit of the baseline's rate. */
  readonly power: number;
  /** Of an objective: the stable arm from the first line on, history included. */
  readonly baseline: Count;
  /** Where steps may be skipped. */
  readonly safety?: SafetyState;
}

/** What a judge remembers from line to line: JSON, and the size does not depend on the number of proxies. */
export interface SequentialState {
  /** Lines judged while the canary had weight. */
  readonly ticks: number;
  /** Tick at which each weight came into force, in order. */
  readonly activations: readonly number[];
  /** The last weight above 0; `null`: none yet. */
  readonly weight: number | null;
  readonly errors: MetricState;
  readonly retried: MetricState;
  readonly cut: MetricState;
  /** Until the edges are chosen. */
  readonly before: { readonly timed: number; readonly edges: readonly SeenEdge[] } | null;
  readonly edges: readonly JudgedEdge[];
  readonly combined: ClippedSum & { readonly cause: string };
  readonly routing: RoutingState;
  /** Where the plan lets remaining steps be skipped. Edges have one of their own. @default it does not */
  readonly safety?: { readonly errors: SafetyState; readonly retried: SafetyState; readonly cut: SafetyState };
  /** Lines in a row in which the canary's requests did not end. */
  readonly suspicious: number;
  /** Of all strata so far, per unit of the baseline's rate. */
  readonly power: { readonly errors: number };
  /** The stable arm from the first line on, history included. */
  readonly baseline: { readonly errors: Count };
  readonly ceilings: {
    readonly errors: CeilingState;
    /** By edge. */
    readonly latency: readonly { readonly ms: number; readonly seen: CeilingState }[];
  };
  /** Lines in a row that should have had evidence and had none. */
  readonly empty: number;
  readonly lastMs: number | null;
  readonly lastCanaryMs: number | null;
  /** Since then, how long neither arm was scraped. */
  readonly outageMs: number;
  /** First line that was judged. */
  readonly beganMs: number | null;
  /** In the present weight, in strata that count. */
  readonly requestsInStep: number;
}

export function startJudging(settings: SequentialSettings): SequentialState {
  const starts = startsAt([], countStarts(settings.steps.length, settings.skipAfterMs !== null));
  const hasFloor = everAsked(settings).some(({ errors }) => errors.floor !== null);
  const metric = startMetric(starts, false);
  const none = { bad: 0, total: 0 };
  const safety = startSafety();
  return {
    ...(settings.skipAfterMs === null ? {} : { safety: { errors: safety, retried: safety, cut: safety } }),
    ticks: 0,
    activations: [],
    weight: null,
    errors: startMetric(starts, hasFloor),
    retried: metric,
    cut: metric,
    before: { timed: 0, edges: [] },
    edges: [],
    combined: { ...NO_EVIDENCE, cause: 'error-rate' },
    routing: startRouting(starts),
    suspicious: 0,
    power: { errors: 0 },
    baseline: { errors: none },
    ceilings: { errors: [], latency: [] },
    empty: 0,
    lastMs: null,
    lastCanaryMs: null,
    outageMs: 0,
    beganMs: null,
    requestsInStep: 0,
  };
}
