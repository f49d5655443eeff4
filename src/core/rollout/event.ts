import type { Verdict } from '../analysis/judge.ts';
import type { Phase } from '../model/phase.ts';

/** Everything that changes a rollout leaves one event. Ordered by `seq` within the rollout. */
export interface RolloutEvent {
  readonly rolloutId: string;
  readonly type:
    | 'started'
    /** It waits for another rollout to end. */
    | 'queued'
    | 'phase'
    | 'step'
    | 'live'
    | 'verdict'
    /** A metric of a test has come to a conclusion. */
    | 'readout'
    | 'paused'
    | 'resumed'
    /** It has crashed whoever looked at it, and is left alone. */
    | 'quarantined'
    | 'approved'
    /** A person has taken it to another step; what they did not wait for stands in `gates`. */
    | 'jump'
    /** A hook has said something else than before about leaving the step. */
    | 'gate'
    /** It begins to wait for a window of its plan, or goes on in one. */
    | 'window'
    | 'nack'
    | 'held'
    /** The Envoy that tried a change out has taken it. */
    | 'probe'
    /** The way back has proved itself. */
    | 'drill'
    /** How long the Envoys took to go back. */
    | 'back'
    | 'finished';
  readonly atMs: number;
  readonly by: string;
  readonly phase: Phase;
  readonly step: number;
  readonly message: string;
  /** Numbers behind the message, for machines. */
  readonly data: {
    readonly weight?: number;
    readonly ackMs?: number;
    readonly node?: string;
    readonly verdicts?: readonly Verdict[];
    readonly outcome?: Phase;
    /** Gates that were left shut. */
    readonly gates?: readonly string[];
    /** Envoys that do not answer; at most 100. */
    readonly laggards?: readonly string[];
    /** Requests still active on the canary after its way back. */
    readonly active?: number;
    readonly confirm?: {
      readonly nodes: number;
      readonly p50Ms: number;
      readonly p99Ms: number;
      readonly maxMs: number;
    };
  };
}

/** A message for people, one per change of state. Formats (Slack, …) are made from it at delivery. */
export interface Notice {
  /** Stable over retries; receivers deduplicate on it. */
  readonly id: string;
  readonly rolloutId: string;
  readonly backend: string;
  /** All backends of a joint rollout. @default `backend` alone */
  readonly joint?: readonly { readonly backend: string; readonly revision: string; readonly stable: string | null }[];
  /** All arms of a test with variants but stable. @default `revision` alone */
  readonly arms?: readonly { readonly arm: string; readonly revision: string }[];
  readonly plan: string;
  readonly revision: string;
  readonly stable: string | null;
  readonly kind:
    | 'queued'
    | 'started'
    | 'step'
    | 'promoted'
    | 'rolling_back'
    | 'rolled_back'
    | 'aborting'
    | 'aborted'
    | 'failed'
    | 'superseded'
    | 'paused'
    | 'resumed'
    | 'approval'
    /** A test is over, and a person has to say who gets all requests. */
    | 'decision_wanted'
    /** A person has taken it to another step. */
    | 'jumped'
    /** A person has opened the gate of a hook. */
    | 'opened'
    /** The hook of a step lets it wait. */
    | 'webhook'
    /** The canary has all requests and is watched for a while. */
    | 'baking'
    | 'laggards'
    | 'streams'
    | 'quarantined'
    /** Of no rollout: the store needs a person. */
    | 'store_frozen'
    /** Of no rollout, but of many: the breaker of their evidence has opened, or closed. */
    | 'evidence_lost'
    | 'evidence_back';
  readonly tone: 'info' | 'good' | 'warning' | 'bad';
  readonly title: string;
  /** Label → text, in display order. */
  readonly fields: readonly (readonly [label: string, text: string])[];
  readonly atMs: number;
  /** What this message stands for as well, since its receiver was away: how many, and the newest of them, oldest first. */
  readonly earlier?: { readonly count: number; readonly updates: readonly EarlierUpdate[] };
}

export type EarlierUpdate = Pick<Notice, 'id' | 'kind' | 'title' | 'atMs'>;
