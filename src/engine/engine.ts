import type { SeriesPoint } from '../core/analysis/verdict-series.ts';
import type { FleetCounts } from '../core/fleet/node-standing.ts';
import type { Document, DocumentKind } from '../core/model/documents.ts';
import type { Result } from '../core/model/errors.ts';
import type { Phase } from '../core/model/phase.ts';
import type { Role } from '../core/model/roles.ts';
import type { KeptDecision } from '../core/replay/decision.ts';
import type { RolloutCommand } from '../core/rollout/command.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { RequestExplanation } from '../core/traffic/evaluate/explain-request.ts';
import type { ExplainRequest } from './explain-live.ts';
import type { FleetReport, NodeDiff } from './fleet-truth.ts';
import type { AuditLine, AuditPage } from './ports/store.ts';
import type { Reconciled, ReconcileRequest } from './reconciled.ts';
import type { EndpointsRequest, EndpointsView } from './set-endpoints.ts';
import type { BackendTrigger } from './start-members.ts';
import type { TriggerReport } from './trigger-report.ts';

export type { FleetReport, NodeDiff, Reconciled, RolloutCommand };

/** A file as the user has it; `file` is only shown in errors. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

export interface AppliedDocument {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly action: 'created' | 'updated' | 'unchanged' | 'deleted';
  /** What came of the `revision` of a plan. @default it has none */
  readonly revision?: TriggerReport;
}

export interface StoredDocument {
  readonly rev: number;
  readonly document: Document;
  /** The YAML of this document as the user wrote it. */
  readonly source: string;
}

export interface RolloutView {
  readonly rev: number;
  readonly rollout: Rollout;
  /** Counted nodes that have not ACKed the present push. */
  readonly laggards: readonly string[];
}

export interface Started {
  readonly view: RolloutView;
  /** `false`: it was there already. */
  readonly created: boolean;
}

export interface ReadinessCheck {
  readonly name: string;
  /** Whose it is; a replica without any of them leaves it out. */
  readonly roles: readonly Role[];
  readonly ok: boolean;
  readonly detail: string;
}

/** The use cases. Every surface (HTTP, later others) calls these and nothing else. */
export interface Engine {
  apply(request: {
    readonly files: readonly SourceFile[];
    readonly dryRun: boolean;
    readonly by: string;
    /** Also starts the revisions of plans that were tried and sent back. @default false */
    readonly retry?: boolean | undefined;
  }): Promise<Result<readonly AppliedDocument[]>>;
  documents(kind: DocumentKind | null): Promise<Result<readonly StoredDocument[]>>;
  document(kind: DocumentKind, name: string): Promise<Result<StoredDocument>>;
  remove(request: {
    readonly kind: DocumentKind;
    readonly name: string;
    readonly by: string;
  }): Promise<Result<AppliedDocument>>;
  start(request: {
    readonly plan: string;
    /** `null`: `backends` names one for each. */
    readonly revision: string | null;
    /** `host:port` each; replaces the backend's own endpoints for this revision. */
    readonly endpoints: readonly string[] | null;
    /** Of a joint plan what differs from it, by backend. @default nothing */
    readonly backends?: Readonly<Record<string, BackendTrigger>> | undefined;
    /** Of a test what each of its variants is, by name. @default it has none */
    readonly variants?: Readonly<Record<string, BackendTrigger>> | undefined;
    readonly by: string;
    readonly idempotencyKey: string | null;
    /** Of CI, growing: one that comes late is refused. @default none, and nothing is known of the order */
    readonly build?: number | undefined;
  }): Promise<Result<Started>>;
  /** Tells the hosts of a revision; safe to repeat. */
  setEndpoints(request: EndpointsRequest): Promise<Result<EndpointsView>>;
  endpoints(backend: string): Promise<Result<EndpointsView>>;
  /** Takes the last promotion of a backend back. `of`: its name, or the id of the rollout that was promoted. */
  undo(request: {
    readonly of: string;
    readonly reason: string;
    readonly by: string;
    readonly idempotencyKey: string | null;
  }): Promise<Result<Started>>;
  command(request: {
    readonly id: string;
    readonly command: RolloutCommand;
    readonly rev: number | null;
    readonly by: string;
  }): Promise<Result<RolloutView>>;
  rollout(id: string): Promise<Result<RolloutView>>;
  rollouts(page: {
    readonly backend: string | null;
    readonly phase: Phase | 'active' | null;
    readonly limit: number;
    readonly cursor: string | null;
  }): Promise<Result<{ readonly rollouts: readonly RolloutView[]; readonly cursor: string | null }>>;
  events(request: {
    readonly id: string;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<Result<readonly { readonly id: string; readonly event: RolloutEvent }[]>>;
  /** What the judge has concluded, oldest first. */
  verdicts(id: string): Promise<Result<readonly SeriesPoint[]>>;
  /** Its samples and weights as a recording, line by line; of a joint rollout of one backend, the first by default. */
  recording(id: string, backend: string | null): Promise<Result<readonly object[]>>;
  /** What was decided about a rollout and from what, oldest first. Empty behind the end only. */
  decisions(request: {
    readonly id: string;
    readonly from: number;
    readonly limit: number;
  }): Promise<Result<readonly KeptDecision[]>>;
  /** Where a request goes by the records, now or with a rollout at another step. */
  explain(request: ExplainRequest): Promise<Result<RequestExplanation>>;
  fleets(): readonly string[];
  fleet(name: string): Promise<Result<FleetReport>>;
  /** What one Envoy runs against what the records say now. */
  nodeDiff(fleet: string, node: string): Promise<Result<NodeDiff>>;
  /** For gauges, at once. */
  fleetCounts(): readonly FleetCounts[];
  deadLetters(
    limit: number,
  ): Promise<
    Result<
      readonly { readonly queue: string; readonly title: string; readonly detail: string; readonly atMs: number }[]
    >
  >;
  /** The way out of a frozen store. */
  reconcileStore(request: ReconcileRequest): Promise<Result<Reconciled>>;
  /** Who did what, oldest first. */
  audit(page: AuditPage): Promise<Result<readonly AuditLine[]>>;
  readiness(): Promise<readonly ReadinessCheck[]>;
}
