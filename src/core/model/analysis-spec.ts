import type { KayentaSpec } from './kayenta-spec.ts';

/** What is measured of a canary, and who judges it. */

/** Rates and shares are fractions 0–1. */
export type AnalysisSpec =
  | (ShareSpec & {
      readonly kind: 'error-rate';
      /** Classes (`5xx`) and codes (`429`) that are failures. @default 5xx */
      readonly count?: readonly string[];
      /** Of the sequential judge: below this rate a worse canary is harmless. @default none */
      readonly floor?: number;
    })
  | (ShareSpec & {
      readonly kind: 'latency';
      /** Slower than this is bad. `null`, to the sequential judge alone: whatever stable's own latency tells. */
      readonly objectiveMs: number | null;
      /** Of the sequential judge: so long after a step is live nothing counts. @default 1 min */
      readonly warmupMs?: number;
    })
  | {
      readonly kind: 'query';
      readonly name: string;
      readonly query: string;
      readonly windowMs: number;
      readonly min: number | null;
      readonly max: number | null;
      /** Against what `relative` compares. `undefined`: it compares with nothing. */
      readonly baseline?: string;
      readonly relative?: RelativeLimit;
    };

interface ShareSpec {
  readonly name: string;
  /** Largest share of bad requests, to judges that know fixed limits alone: they have a default. */
  readonly max: number;
  /** The same where the plan gives it; absent: it does not, or was written by an earlier version. Nothing is implied by it. */
  readonly ceiling?: number;
  /** Least share of bad requests; of other tools' judges. @default none */
  readonly min?: number;
  /** `null`: what the judge takes for enough by itself. */
  readonly minRequests: number | null;
  readonly relative?: RelativeLimit;
  /** How far back the judges of other tools look at each check. Plans of earlier versions lack it: 1 min. */
  readonly windowMs?: number;
}

/** The canary may be at most `factor` times as bad as stable, plus `offset`. */
export interface RelativeLimit {
  readonly factor: number;
  readonly offset: number;
}

/** Who judges the analyses of a plan. */
export type JudgeSpec =
  | SequentialSpec
  | { readonly name: 'threshold' }
  | { readonly name: 'flagger'; readonly threshold: number; readonly intervalMs: number }
  | ArgoSpec
  | KayentaSpec;

/** What is absent has the judge's own default. */
export interface SequentialSpec {
  readonly name: 'sequential';
  /** How often a good canary may be sent back, of all rollouts. */
  readonly alpha?: number;
  /** So many times stable's rate are as good as stable. */
  readonly margin?: number;
  /** The regression that must have been seen before anything is promoted, as rate ratio. */
  readonly mde?: number;
  /** So long after its first requests a canary that is shown to be no worse may skip the remaining steps. @default never */
  readonly skipAfterMs?: number;
}

/** The limits are those of each metric. */
export interface ArgoSpec {
  readonly name: 'argo';
  readonly intervalMs: number;
  readonly failureLimit: number;
  readonly inconclusiveLimit: number;
  readonly consecutiveErrorLimit: number;
  readonly consecutiveSuccessLimit: number;
  readonly count: number | null;
  /** Analyses that are measured and shown, but decide nothing. */
  readonly dryRun: readonly string[];
}
