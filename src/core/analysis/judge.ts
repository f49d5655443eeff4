import type { AnalysisSpec, JudgeSpec } from '../model/analysis-spec.ts';
import type { CanaryClass, MetricClass } from '../model/kayenta-spec.ts';
import type { RampStep } from './ramp.ts';
import type { JudgedPlan } from './sequential/plan-settings.ts';
import type { Resumed } from './sequential/routing-check.ts';

/** Counter families of a cluster. Prometheus names are `envoy_cluster_<family>`. */
export type ClusterFamily =
  | 'upstream_rq_completed'
  | 'upstream_rq_xx'
  /** By status code. */
  | 'upstream_rq'
  | 'upstream_rq_total'
  | 'upstream_rq_timeout'
  | 'upstream_rq_per_try_timeout'
  | 'upstream_rq_rx_reset'
  | 'upstream_rq_retry'
  /** Answers that a retry took back, by class. */
  | 'retry_upstream_rq_xx'
  | 'upstream_rq_time_bucket'
  | 'membership_healthy'
  | 'upstream_rq_active';

/** Of the process itself; they tell a restart. Prometheus names are `envoy_<family>`, and there is no cluster. */
export type ProcessFamily = 'server_uptime' | 'server_hot_restart_epoch';

export type CounterFamily = ClusterFamily | ProcessFamily;

/** One series of raw samples, oldest first. `label`: response class or code, `le`, or ''. `cluster`: '' of a process. */
export interface CounterSeries {
  readonly proxy: string;
  readonly cluster: string;
  readonly family: CounterFamily;
  readonly label: string;
  readonly points: readonly (readonly [tMs: number, value: number])[];
}

/** Reasons why there is no evidence. Each is shown to people as it stands. */
export type EvidenceGap =
  | 'SOURCE_DOWN'
  | 'SOURCE_TIMEOUT'
  | 'SOURCE_REFUSED'
  | 'BAD_ANSWER'
  | 'AMBIGUOUS_RESULT'
  | 'NO_DATA'
  | 'NOT_FINITE'
  | 'STALE'
  | 'CLOCK_SKEW'
  | 'WARNINGS'
  | 'TOO_MANY_SERIES'
  | 'COVERAGE'
  | 'TOO_FEW_REQUESTS'
  | 'WARMING_UP'
  | 'SHARED_INCIDENT'
  /** Traffic does not reach the arms as it should. */
  | 'ROUTING'
  /** Not enough to roll back, too much to go on. */
  | 'SUSPICION'
  /** A regression would not have been seen yet. */
  | 'LOW_POWER';

export type CountersResult =
  | { readonly kind: 'ok'; readonly series: readonly CounterSeries[] }
  | { readonly kind: 'gap'; readonly gap: EvidenceGap; readonly detail: string };

export type ScalarResult =
  | { readonly kind: 'ok'; readonly value: number; readonly atMs: number }
  | { readonly kind: 'gap'; readonly gap: EvidenceGap; readonly detail: string };

/** What a judge concluded about one metric at one tick. */
export interface Verdict {
  readonly metric: string;
  /** Whose metric it is, in a joint rollout. @default the rollout's one backend */
  readonly backend?: string;
  /** Whose metric it is, in a test with variants. @default the canary's */
  readonly arm?: string;
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  /** `OK`, a limit that was broken, or an evidence gap. `LIMIT_REACHED`: too many checks have failed. */
  readonly reason: 'OK' | 'OVER_LIMIT' | 'UNDER_LIMIT' | 'LIMIT_REACHED' | 'WORSE_THAN_STABLE' | EvidenceGap;
  /** One sentence for people. */
  readonly detail: string;
  readonly value: number | null;
  readonly baseline: number | null;
  readonly limit: { readonly min: number | null; readonly max: number | null };
  /** Canary requests behind the value; `null` where the metric does not count any. */
  readonly requests: number | null;
  readonly baselineRequests: number | null;
  /** How many times as bad as stable, within bounds that hold at every look; `high: null`: no upper one yet. */
  readonly ratio?: VerdictRatio;
  /** By how much errors come in bursts: what was seen counts for so much less. @default 1 */
  readonly dispersion?: number;
  /** Evidence of harm, and where it sends the canary back. */
  readonly evidence?: { readonly e: number; readonly limit: number };
  /** Of all metrics together, where the judge is one that gives scores. */
  readonly score?: CanaryScore;
  /** How a judge that gives scores has classified this metric. */
  readonly classification?: MetricClass;
  /** Classified so that the whole canary fails, whatever the others say. @default it is not */
  readonly critical?: true;
}

export interface CanaryScore {
  /** 0–100; `null`: there was nothing to score. */
  readonly value: number | null;
  readonly classification: CanaryClass;
}

export interface VerdictRatio {
  readonly low: number;
  readonly high: number | null;
  /** As it was in the step so far; `null`: stable had nothing to compare with. */
  readonly point?: number | null;
}

/** A judge's own memory between ticks: JSON, at most 16 KiB, opaque to everyone else. */
export type JudgeState = Readonly<Record<string, unknown>>;

/** No analysis can have such a name. */
export function baselineOf(analysis: string): string {
  return `${analysis}/baseline`;
}

/** All requests go to the canary, and it is compared with what stable was like before. By the clock of the samples. */
export interface Bake {
  /** Until then stable had its share of the requests. */
  readonly stableUntilMs: number;
  /** From then on no counted Envoy gave it any. */
  readonly liveAtMs: number;
  readonly forMs: number;
}

export interface JudgeInput {
  readonly analysis: readonly AnalysisSpec[];
  readonly judge: JudgeSpec;
  /** Envoy clusters of the judged arms; pinned testers have clusters of their own and are not in here. */
  readonly arms: { readonly stable: string; readonly canary: string };
  /** Only samples taken at or after this moment count for the step. */
  readonly liveAtMs: number;
  readonly nowMs: number;
  readonly scrapeMs: number;
  readonly counters: CountersResult;
  /** Answers to the custom queries, by analysis name; those about stable by `baselineOf` the name. */
  readonly queries: ReadonlyMap<string, ScalarResult>;
  /** Prometheus names of the counted nodes; `null` where a node's name there is unknown. */
  readonly proxies: readonly (string | null)[];
  /** Steps so far that gave the canary a part of the traffic, the present one last. @default none */
  readonly ramp?: readonly RampStep[];
  /** All of the plan, whatever is in force now. @default one step with the analyses that are in force */
  readonly plan?: JudgedPlan;
  /** Slow successes come so much later than fast failures. @default 0 */
  readonly routeTimeoutMs?: number;
  /** When a person last let it go on after a pause: which time it was, and by the clock of the samples. @default never */
  readonly resumed?: Resumed;
  /** @default none */
  readonly bake?: Bake;
  readonly state: JudgeState | null;
}

export interface JudgeOutcome {
  readonly verdicts: readonly Verdict[];
  /** `advance`: the evidence allows leaving the step. */
  readonly decision: 'advance' | 'hold' | 'rollback';
  readonly state: JudgeState | null;
  /** With `advance`: the canary is shown to be no worse, and the plan lets such a one skip the remaining steps. */
  readonly skips?: true;
  /** Scrapes of single Envoys that came too late to be judged, so far. @default none are counted */
  readonly late?: number;
}

/** Pure: same input, same outcome, on any replica. */
export interface Judge {
  readonly name: string;
  assess(input: JudgeInput): JudgeOutcome;
}
