import type { Notice } from '../../src/core/rollout/event.ts';
import type { EventBody, RolloutBody } from '../../src/surfaces/api/schemas.ts';

/** What was seen of a run from outside, for the checks afterwards. Times are epoch ms of the one machine. */
export interface History {
  /** In the order of their start. */
  readonly rollouts: readonly RolloutHistory[];
  readonly weights: readonly WeightSight[];
  /** What the receiver took, in the order it came. */
  readonly messages: readonly Message[];
  /** Requests that were not answered by 200. */
  readonly failures: readonly Failure[];
  readonly outages: readonly Outage[];
  readonly absences: readonly Absence[];
  readonly stalls: readonly Stall[];
}

export type RolloutKind = 'good' | 'judged' | 'bad' | 'refused' | 'aborted';

export interface RolloutHistory {
  readonly id: string;
  readonly backend: string;
  readonly kind: RolloutKind;
  /** Did a person's abort get through? `unknown`: its answer was lost for good. */
  readonly aborted: 'no' | 'yes' | 'unknown';
  readonly canaryCluster: string;
  readonly stableCluster: string;
  readonly final: RolloutBody;
  readonly events: readonly EventBody[];
}

/** How one Envoy split one backend's requests for a while. Basis points; arms without any are left out. */
export interface WeightSight {
  readonly envoy: string;
  readonly backend: string;
  /** When it was first seen so. */
  readonly atMs: number;
  /** When it was last asked and still so. */
  readonly lastAskedAtMs: number;
  readonly split: Readonly<Record<string, number>>;
}

export interface Message {
  readonly atMs: number;
  readonly webhookId: string;
  readonly notice: Pick<Notice, 'id' | 'rolloutId' | 'kind' | 'atMs' | 'earlier'>;
}

export interface Failure {
  readonly envoy: string;
  readonly sentAtMs: number;
  readonly status: number;
  readonly servedBy: string;
}

/** An Envoy that could not answer, or hear, because the harness saw to it. */
export interface Outage {
  readonly envoy: string;
  readonly kind: 'killed' | 'stopped';
  readonly fromMs: number;
  readonly toMs: number;
}

/** When other replicas could not tell one from a dead one; of a store that was away, they could tell of none. */
export interface Absence {
  readonly who: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The harness itself did not get to run. */
export interface Stall {
  readonly fromMs: number;
  readonly toMs: number;
}
