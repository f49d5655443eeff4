import type { AnalysisSpec, JudgeSpec } from './analysis-spec.ts';
import type { JointSpec } from './joint-spec.ts';
import type { PinMatch } from './match.ts';
import type { WantedRevision } from './plan-trigger.ts';
import type { RawEnvoy } from './raw-envoy.ts';
import type { ReadoutMetric } from './readout.ts';
import type { HeaderChanges, RouteRule } from './route-rule.ts';
import type { StickySpec } from './sticky.ts';
import type { UpstreamSettings } from './upstream.ts';

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
  /** Of the virtual host. */
  readonly rawEnvoy?: RawEnvoy;
}

export interface BackendDocument {
  readonly kind: 'Backend';
  readonly name: string;
  readonly spec: BackendSpec;
}

export type Protocol = 'http1' | 'http2' | 'grpc';

/** An HTTP `GET` of `path`, a call of gRPC's own health service, or a connection alone. */
export interface HealthCheck {
  readonly path?: string;
  /** `service`: which one is asked for; empty: the whole server. */
  readonly grpc?: { readonly service: string };
  readonly tcp?: true;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/** Endpoints of a revision. `dns` may hold `{{ revision }}` until the revision is cut. */
export type EndpointsSpec =
  | { readonly kind: 'static'; readonly addresses: readonly HostPort[] }
  | { readonly kind: 'dns'; readonly host: string; readonly port: number }
  /** A cluster of the Envoys' own, by name; `{{ revision }}` as in `dns`. */
  | { readonly kind: 'cluster'; readonly name: string }
  /** Told by the API, revision by revision; see `ApiEndpoints`. */
  | { readonly kind: 'api' };

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface BackendSpec {
  readonly protocol: Protocol;
  readonly connectTimeoutMs: number;
  readonly healthCheck: HealthCheck | null;
  /** @default plain connections, Envoy's own way */
  readonly upstream?: UpstreamSettings;
  /** Of the clusters of each revision that is cut from it. */
  readonly rawEnvoy?: RawEnvoy;
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
  /** Of several: the first of them. */
  readonly backend: string;
  /** Backends that are rolled out together with `backend`. @default it is alone */
  readonly joint?: JointSpec;
  /** Arms of a test beside stable and the canary, by name. @default there are none */
  readonly variants?: readonly string[];
  /** A new value starts a rollout at its apply. A rollout's own copy has none: what it rolls out it knows. @default none */
  readonly revision?: WantedRevision;
  readonly strategy: { readonly name: string; readonly steps: readonly StepSpec[] };
  /** Analyses of every step that gives the canary weight. */
  readonly analysis: readonly AnalysisSpec[];
  /** Metrics on which the arms are compared for people. @default none */
  readonly readout?: readonly ReadoutMetric[];
  readonly judge: JudgeSpec;
  readonly deadlineMs: number;
  /** Evidence missing for so long pauses the rollout with an alert; it never passes or fails it. */
  readonly inconclusiveAfterMs: number;
  /**
   * What the deadline does to a canary that looks well, where too few requests have come to be sure. Plans of earlier
   * versions lack it: `rollback`. Missing evidence never promotes.
   */
  readonly onInconclusive?: InconclusivePolicy;
  /** When the canary may be given more. @default always */
  readonly windows?: WindowsSpec;
  /** So long the canary is watched with all requests before it becomes stable. @default not at all */
  readonly bakeMs?: number;
  /** So long the old revision can take all requests again after a promotion. @default the engine's `retireAfter` */
  readonly keepWarmMs?: number;
  /** A canary of which nothing is scraped for so long, while stable is, goes back. @default 5 min */
  readonly nodataTimeoutMs?: number;
  /** An Envoy that has not answered for so long is a laggard. */
  readonly ackTimeoutMs: number;
  readonly onLaggard: LaggardPolicy;
  /** What a new revision does while another one of the backend rolls. @default reject */
  readonly onNewRevision?: NewRevisionPolicy;
  readonly onRollback: {
    /**
     * A stream that starts while the rollout runs ends after so long: Envoy cannot end one in the middle.
     * `null`: the rule's timeout alone ends it.
     */
    readonly closeStreamsAfterMs: number | null;
  };
  readonly notify: readonly string[];
}

/** Where a plan does not say so; an undo whose plan is not kept any more needs them, too. */
export const PLAN_DEFAULTS = {
  deadlineMs: 86_400_000,
  inconclusiveAfterMs: 600_000,
  ackTimeoutMs: 30_000,
  onNewRevision: 'reject',
} as const;

export const INCONCLUSIVE_POLICIES = ['rollback', 'hold', 'promote'] as const;
export type InconclusivePolicy = (typeof INCONCLUSIVE_POLICIES)[number];

/** What a step does about an Envoy that does not answer: wait for it, go on without it, or go back. */
export const LAGGARD_POLICIES = ['hold', 'exclude', 'rollback'] as const;
export type LaggardPolicy = (typeof LAGGARD_POLICIES)[number];

/** What becomes of a rollout that is started while another one owns the backend; that of the newer plan counts. */
export const NEW_REVISION_POLICIES = ['reject', 'queue', 'supersede'] as const;
export type NewRevisionPolicy = (typeof NEW_REVISION_POLICIES)[number];

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** By what clocks and calendars of the zone show. */
export interface WindowsSpec {
  /** A name of the IANA database. */
  readonly zone: string;
  /** Any of them; empty: always. */
  readonly open: readonly OpenSpec[];
  /** None of them, whatever is open. */
  readonly freezes: readonly FreezeSpec[];
}

export interface OpenSpec {
  /** Those on which it begins, in the order of the week. */
  readonly days: readonly Weekday[];
  /** `HH:MM`. */
  readonly from: string;
  /** `HH:MM`, not itself open; up to `24:00`. Not above `from`: of the next day. */
  readonly to: string;
}

export interface FreezeSpec {
  /** `YYYY-MM-DD`. */
  readonly from: string;
  /** Its last day. */
  readonly to: string;
  readonly reason?: string;
}

export interface StepSpec {
  readonly name: string;
  /** Canary share in basis points of a total of 10,000 (5 % = 500). */
  readonly weight: number;
  /** The same of the plan's variants, by name. @default they get nothing */
  readonly weights?: Readonly<Record<string, number>>;
  readonly matches: readonly PinMatch[];
  /** Least time in this step, counted from the moment it is live on all counted nodes. */
  readonly holdMs: number;
  readonly approve: boolean;
  /** Whose approval it is, and what happens without one. @default anybody's, until the deadline */
  readonly approval?: ApprovalSpec;
  /** A hook that has to open the gate, before a person is waited for. @default none */
  readonly webhook?: WebhookSpec;
  /** @default every request is drawn by itself */
  readonly sticky?: StickySpec;
  /** Copies of so many requests to the canary, in basis points; their answers are dropped. Only at weight 0. */
  readonly mirror?: number;
  /** Of requests that go to the canary, and of its answers. */
  readonly headers?: HeaderChanges;
  /** Evidence that must be there to leave the step; after `holdMs` at the soonest. @default none */
  readonly until?: UntilSpec;
  /** Analyses of this step alone, on top of the plan's. */
  readonly analysis: readonly AnalysisSpec[];
}

export const LAPSED_POLICIES = ['rollback', 'hold', 'advance'] as const;

export interface ApprovalSpec {
  /** Names of those who may; empty: whoever may act at all. */
  readonly by: readonly string[];
  /** From when nothing but the approval is missing. `null`: until the deadline of the plan. */
  readonly withinMs: number | null;
  readonly otherwise: (typeof LAPSED_POLICIES)[number];
}

/** What becomes of a step whose hook does not open the gate in time. Nothing but its word opens it. */
export const SHUT_POLICIES = ['rollback', 'hold'] as const;

export interface WebhookSpec {
  /** A hook of the engine's configuration. */
  readonly target: string;
  /** From an answer to the next question. */
  readonly everyMs: number;
  /** So long one answer may take. */
  readonly timeoutMs: number;
  /** From when nothing else is missing. `null`: until the deadline of the plan. */
  readonly withinMs: number | null;
  readonly otherwise: (typeof SHUT_POLICIES)[number];
  /** Told to the hook as it stands. @default nothing */
  readonly metadata?: Readonly<Record<string, string>>;
}

export const WEBHOOK_DEFAULTS = { everyMs: 30_000, timeoutMs: 10_000 } as const;

/** Little traffic makes a step longer and much makes it shorter, both within bounds. All that is given must hold. */
export interface UntilSpec {
  /** Requests of the canary in this step. */
  readonly requests: number | null;
  /** Enough of them to have seen a regression by so many times. */
  readonly regression: number | null;
  /** What happens then, `onInconclusive` of the plan says. `null`: the deadline of the plan alone. */
  readonly atMostMs: number | null;
}

/** A user's own strategy. Kept as written; `core/manifest` expands it into a plan's steps at apply. */
export interface StrategyDocument {
  readonly kind: 'Strategy';
  readonly name: string;
  readonly spec: unknown;
}

/** The constant total of every split, so that arms grow without moving users between them. */
export const TOTAL_WEIGHT = 10_000;

/** Do both arms have a share? */
export function isSplit({ weight }: Pick<StepSpec, 'weight'>): boolean {
  return weight > 0 && weight < TOTAL_WEIGHT;
}
