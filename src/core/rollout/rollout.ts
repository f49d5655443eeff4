import type { Verdict } from '../analysis/judge.ts';
import type { Capability } from '../fleet/capabilities.ts';
import type { NodesByFleet } from '../fleet/liveness.ts';
import type { PlanSpec } from '../model/documents.ts';
import type { Phase } from '../model/phase.ts';
import type { ReadoutRecord } from '../model/readout.ts';
import type { Revision } from '../model/revision.ts';

/** One execution of a plan for one revision. The record that is committed; JSON all the way down. */
export interface Rollout {
  readonly id: string;
  readonly plan: string;
  /** The plan as it stood at the start; later edits do not reach a running rollout. */
  readonly spec: PlanSpec;
  /** What the trigger asked for; a repeated trigger is compared with it. */
  readonly trigger: { readonly revision: string; readonly endpoints: readonly string[] | null };
  readonly backend: string;
  /** Of all its backends. */
  readonly fleets: readonly string[];
  /** Other backends that step, are promoted and go back together with `backend`. @default it is alone */
  readonly joint?: Joint;
  /** Further revisions that are tested beside the canary, in the order of the plan. @default the canary is alone */
  readonly variants?: readonly Variant[];
  /** Of a test with variants: the arm that gets all requests. @default none of them yet */
  readonly winner?: string;
  /** The longest time that a rule gives a request to this backend, ms. Rollouts of earlier versions lack it. */
  readonly routeTimeoutMs?: number;
  readonly canary: Revision;
  /** `null`: first deployment, there is nothing to fall back to and no step. */
  readonly stable: Revision | null;
  readonly phase: Phase;
  readonly paused: Pause | null;
  /** Index of the current step; -1 before the first. */
  readonly step: number;
  /** Grows with every step commit; with `step` it names a gate, so a late approval is refused. */
  readonly attempt: number;
  readonly startedBy: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly deadlineAtMs: number;
  /** The traffic commit that must become live; `null` before the first. */
  readonly push: Push | null;
  /** The proof, before the first step, that the way back works; `null`: not begun, or nothing to go back to. */
  readonly drill: Drill | null;
  /** Envoys that a step went on without, by fleet. They count again once they have caught up. */
  readonly excluded: NodesByFleet;
  /** What an Envoy must be able to do for this rollout. */
  readonly requires: readonly Capability[];
  /** The look after a way back has ended: do requests to the canary go on? `null`: none is due. */
  readonly aftercare: 'due' | 'done' | null;
  readonly approval: {
    readonly step: number;
    readonly attempt: number;
    readonly by: string;
    readonly atMs: number;
  } | null;
  /** Since when nothing but an approval is missing, and in which attempt. @default not so far */
  readonly gate?: { readonly attempt: number; readonly sinceMs: number };
  /** Of a test that is over: in which attempt people were told that one of them has to end it. @default in none */
  readonly endAsked?: number;
  /** What the hook of the step has said so far. @default it was not asked */
  readonly hook?: HookGate;
  /** It waits for a window of its plan in this attempt. @default it does not */
  readonly window?: { readonly attempt: number; readonly sinceMs: number } | null;
  /** When a person last let it go on after a pause. @default never */
  readonly resumedAtMs?: number;
  readonly evidence: Evidence | null;
  /** What was read of the plan's `readout` so far. @default nothing */
  readonly readout?: readonly ReadoutRecord[];
  /** Where people have taken it out of turn, oldest first. @default nowhere */
  readonly jumps?: readonly JumpRecord[];
  /** Why the rollout left the straight way. Kept to the end. */
  readonly cause: Cause | null;
  readonly history: readonly StepRecord[];
  /**
   * The rollout whose promotion this one takes back: its canary was stable before, and gets all requests in one step.
   * @default none
   */
  readonly undoes?: string | undefined;
  /**
   * It waits for another rollout of its backend to end, and has begun nothing. `null`: it has begun, or never will.
   * Records of earlier versions lack it: they began at once.
   */
  readonly queued?: Queued | null | undefined;
  /** What the rollout waits for right now, in words for people. */
  readonly waitingFor: string;
}

/** More of them, and people steer what the plan was to steer. The record is kept small, too. */
export const MAX_JUMPS = 12;

export interface JumpRecord {
  readonly by: string;
  readonly atMs: number;
  /** Index of the step that was left. */
  readonly from: number;
  /** `null`: to all requests. */
  readonly to: number | null;
  /** The beginning of it; the event has all. */
  readonly reason: string;
  /** What was still shut, in words. */
  readonly gates: readonly string[];
}

/** A revision in a test, as an arm of its own. */
export interface Variant {
  readonly name: string;
  readonly trigger: Rollout['trigger'];
  readonly canary: Revision;
}

/** A rollout as it is for one of its backends or arms: with one canary. */
export interface Part extends Rollout {
  /** Of a test with variants: which one is its canary. @default it has none */
  readonly arm?: string;
}

export interface Joint {
  /** Where `backend` gets requests: some of the rollout's fleets. */
  readonly fleets: readonly string[];
  readonly others: readonly Member[];
}

/** What a joint rollout has of each further backend. It has something to go back to in any case. */
export interface Member {
  readonly backend: string;
  readonly trigger: Rollout['trigger'];
  readonly fleets: readonly string[];
  readonly routeTimeoutMs: number;
  readonly canary: Revision;
  readonly stable: Revision;
}

export interface Queued {
  /** The rollout that owns the backend. */
  readonly behind: string;
}

export interface Pause {
  readonly by: string;
  readonly reason: string;
  readonly atMs: number;
  /** Looking at it has ended engines; it is left alone. @default false */
  readonly quarantined?: true | undefined;
}

/** One change of traffic on its way to the fleet. Times are epoch ms of the store's clock. */
export interface Push {
  readonly committedAtMs: number;
  /** When every counted node had ACKed it; `null`: not yet. */
  readonly liveAtMs: number | null;
  /** When it was live first, where all its Envoys were replaced since and others count. @default `liveAtMs` */
  readonly firstLiveAtMs?: number;
  /** Nodes that must ACK, by fleet: those connected when it was committed. */
  readonly counted: NodesByFleet;
  /** The ACK of the route tables does: clusters are there already, or are not needed any more. */
  readonly routesOnly: boolean;
  /**
   * One node per fleet tries it out before the others get it; `null`: all of them have it. Without an entry: nobody
   * answered, others have their turn for a while.
   */
  readonly probe: Readonly<Record<string, string>> | null;
  /** Nodes that were to try it out and did not answer in time, by fleet. */
  readonly unanswered: NodesByFleet;
  /** When people were told who does not answer; `null`: not yet. */
  readonly toldAtMs: number | null;
  /** By how much the clock that stamps samples was ahead at the commit, ms. @default not looked at */
  readonly offsetMs?: number;
  /** The same for `liveAtMs`, by the first look at samples since. */
  readonly liveOffsetMs?: number;
}

export interface Drill {
  /** A change without effect is going out, is being taken back, or both were confirmed. */
  readonly stage: 'out' | 'back' | 'proven';
  /** From the decision to go back to the last Envoy's ACK, ms. */
  readonly backMs: number | null;
}

export interface HookGate {
  readonly attempt: number;
  /** From when nothing but the hook was missing, and perhaps an approval. */
  readonly sinceMs: number;
  /** Number of the last question, from 1. */
  readonly ask: number;
  /** Until when its answer may come; after that it is asked once more. `null`: it is there. */
  readonly pendingUntilMs: number | null;
  /** When the next one is due. */
  readonly nextAtMs: number;
  /** Questions in a row that had no answer. */
  readonly failed: number;
  readonly answer: {
    readonly kind: 'open' | 'wait' | 'reject' | 'failed';
    readonly detail: string;
    readonly atMs: number;
  } | null;
  /** People know that it waits. @default false */
  readonly told?: true;
}

export interface Evidence {
  readonly verdicts: readonly Verdict[];
  readonly judgedAtMs: number;
  /** Since when the judge could not decide; `null`: it can. */
  readonly inconclusiveSinceMs: number | null;
  /** Nothing at all reaches us of it. @default false */
  readonly blind?: boolean;
  /** Scrapes of single Envoys that came too late to be judged, in the whole rollout. @default 0 */
  readonly late?: number;
}

export type CauseKind =
  | 'analysis'
  | 'nack'
  | 'unservable'
  | 'laggard'
  | 'deadline'
  | 'person'
  | 'no_dataplane'
  /** A hook has refused the step. */
  | 'hook'
  /** A newer revision takes its place. */
  | 'superseded';

export interface Cause {
  readonly kind: CauseKind;
  readonly summary: string;
  readonly by: string;
  readonly atMs: number;
  readonly step: number;
  /** All requests had gone to the canary already, and it was watched. @default false */
  readonly baking?: true | undefined;
  readonly verdict: Verdict | null;
  readonly node: string | null;
  /** Requests to the canary that the failing metric counts as bad, in all steps. @default not counted */
  readonly hurt?: number;
}

export interface StepRecord {
  readonly step: number;
  readonly name: string;
  /** Basis points. */
  readonly weight: number;
  readonly committedAtMs: number;
  readonly liveAtMs: number | null;
  readonly leftAtMs: number | null;
  /** By how much the clock that stamps samples was ahead at the commit, ms. @default not looked at */
  readonly offsetMs?: number;
  /** Bad requests to the canary in it, by metric. @default none were seen */
  readonly bad?: Readonly<Record<string, number>>;
}
