import type { AnalysisSpec } from '../model/documents.ts';

/** Counter families that judges read. Prometheus names are `envoy_cluster_<family>`. */
export type CounterFamily =
  | 'upstream_rq_completed'
  | 'upstream_rq_xx'
  | 'upstream_rq_timeout'
  | 'upstream_rq_time_bucket'
  | 'membership_healthy'
  | 'upstream_rq_active';

/** One series of raw samples, oldest first. `label`: response class, `le`, or ''. */
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
  | 'SHARED_INCIDENT';

export type CountersResult =
  | { readonly kind: 'ok'; readonly series: readonly CounterSeries[] }
  | { readonly kind: 'gap'; readonly gap: EvidenceGap; readonly detail: string };

export type ScalarResult =
  | { readonly kind: 'ok'; readonly value: number; readonly atMs: number }
  | { readonly kind: 'gap'; readonly gap: EvidenceGap; readonly detail: string };

/** What a judge concluded about one metric at one tick. */
export interface Verdict {
  readonly metric: string;
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  /** `OK`, `OVER_LIMIT`, `UNDER_LIMIT` or an evidence gap. */
  readonly reason: 'OK' | 'OVER_LIMIT' | 'UNDER_LIMIT' | EvidenceGap;
  /** One sentence for people. */
  readonly detail: string;
  readonly value: number | null;
  readonly baseline: number | null;
  readonly limit: { readonly min: number | null; readonly max: number | null };
  /** Canary requests behind the value; `null` where the metric does not count any. */
  readonly requests: number | null;
  readonly baselineRequests: number | null;
}

/** A judge's own memory between ticks: JSON, at most 16 KiB, opaque to everyone else. */
export type JudgeState = Readonly<Record<string, unknown>>;

export interface JudgeInput {
  readonly analysis: readonly AnalysisSpec[];
  /** Envoy clusters of the judged arms; pinned testers have clusters of their own and are not in here. */
  readonly arms: { readonly stable: string; readonly canary: string };
  /** Only samples taken at or after this moment count for the step. */
  readonly liveAtMs: number;
  readonly nowMs: number;
  readonly scrapeMs: number;
  readonly counters: CountersResult;
  /** Answers to the custom queries, by analysis name. */
  readonly queries: ReadonlyMap<string, ScalarResult>;
  /** Prometheus names of the counted nodes; `null` where a node's name there is unknown. */
  readonly proxies: readonly (string | null)[];
  readonly state: JudgeState | null;
}

export interface JudgeOutcome {
  readonly verdicts: readonly Verdict[];
  /** `advance`: the evidence allows leaving the step. */
  readonly decision: 'advance' | 'hold' | 'rollback';
  readonly state: JudgeState | null;
}

/** Pure: same input, same outcome, on any replica. */
export interface Judge {
  readonly name: string;
  assess(input: JudgeInput): JudgeOutcome;
}
