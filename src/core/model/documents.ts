import type { PinMatch, RequestMatch } from './match.ts';

/**
 * Documents as the engine sees them: parsed, defaults filled in, durations in milliseconds.
 * The YAML grammar that leads here is in `core/manifest`.
 */
export type Document = RouteDocument | BackendDocument | PlanDocument | StrategyDocument;
export type DocumentKind = Document['kind'];

export interface RouteDocument {
  readonly kind: 'Route';
  readonly name: string;
  readonly spec: RouteSpec;
}

export interface RouteSpec {
  readonly fleet: string;
  readonly hostnames: readonly string[];
  readonly rules: readonly RouteRule[];
}

export interface RouteRule {
  readonly name: string;
  /** Empty means: every request. */
  readonly matches: readonly RequestMatch[];
  readonly backend: string;
  /** Route timeout. Never 0: a hanging canary would be silent (Envoy counts no answer). */
  readonly timeoutMs: number;
}

export interface BackendDocument {
  readonly kind: 'Backend';
  readonly name: string;
  readonly spec: BackendSpec;
}

export type Protocol = 'http1' | 'http2' | 'grpc';

export interface HealthCheck {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/** Endpoints of a revision. `dns` may hold `{{ revision }}` until the revision is cut. */
export type EndpointsSpec =
  | { readonly kind: 'static'; readonly addresses: readonly HostPort[] }
  | { readonly kind: 'dns'; readonly host: string; readonly port: number };

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface BackendSpec {
  readonly protocol: Protocol;
  readonly connectTimeoutMs: number;
  readonly healthCheck: HealthCheck | null;
  /** `null`: every rollout brings its endpoints (`--endpoints`). */
  readonly endpoints: EndpointsSpec | null;
  /** Revision that is stable at once while the backend has none; ignored afterwards. */
  readonly initial: { readonly revision: string; readonly endpoints: EndpointsSpec | null } | null;
}

export interface PlanDocument {
  readonly kind: 'Plan';
  readonly name: string;
  readonly spec: PlanSpec;
}

export interface PlanSpec {
  readonly backend: string;
  readonly strategy: { readonly name: string; readonly steps: readonly StepSpec[] };
  /** Analyses of every step that gives the canary weight. */
  readonly analysis: readonly AnalysisSpec[];
  readonly deadlineMs: number;
  /** Evidence missing for so long pauses the rollout with an alert; it never passes or fails it. */
  readonly inconclusiveAfterMs: number;
  /** An Envoy that has not answered for so long is a laggard. */
  readonly ackTimeoutMs: number;
  readonly onLaggard: LaggardPolicy;
  readonly onRollback: {
    /**
     * A stream that starts while the rollout runs ends after so long: Envoy cannot end one in the middle.
     * `null`: the rule's timeout alone ends it.
     */
    readonly closeStreamsAfterMs: number | null;
  };
  readonly notify: readonly string[];
}

/** What a step does about an Envoy that does not answer: wait for it, go on without it, or go back. */
export const LAGGARD_POLICIES = ['hold', 'exclude', 'rollback'] as const;
export type LaggardPolicy = (typeof LAGGARD_POLICIES)[number];

export interface StepSpec {
  readonly name: string;
  /** Canary share in basis points of a total of 10,000 (5 % = 500). */
  readonly weight: number;
  readonly matches: readonly PinMatch[];
  /** Least time in this step, counted from the moment it is live on all counted nodes. */
  readonly holdMs: number;
  readonly approve: boolean;
  /** Analyses of this step alone, on top of the plan's. */
  readonly analysis: readonly AnalysisSpec[];
}

/** Rates and shares are fractions 0–1. */
export type AnalysisSpec =
  | { readonly kind: 'error-rate'; readonly name: string; readonly max: number; readonly minRequests: number }
  | {
      readonly kind: 'latency';
      readonly name: string;
      readonly objectiveMs: number;
      /** Largest share of requests that may be slower than the objective. */
      readonly max: number;
      readonly minRequests: number;
    }
  | {
      readonly kind: 'query';
      readonly name: string;
      readonly query: string;
      readonly windowMs: number;
      readonly min: number | null;
      readonly max: number | null;
    };

/** A user's own strategy. Kept as written; `core/manifest` expands it into a plan's steps at apply. */
export interface StrategyDocument {
  readonly kind: 'Strategy';
  readonly name: string;
  readonly spec: unknown;
}

/** The constant total of every split, so that arms grow without moving users between them. */
export const TOTAL_WEIGHT = 10_000;
