import type { Capability } from '../fleet/capabilities.ts';
import type { BackendState } from '../model/backend-state.ts';
import { tell } from './notice.ts';
import type { Cause, Rollout } from './rollout.ts';
import { change, type Draft, draft, emit, finish, type Transition, wait } from './transition.ts';

/**
 * A rollout that waits for another one of its backend: its record is there and nothing else. It owns no backend (I8),
 * and nothing here may set `traffic`: what Envoys are told is the other's until that has ended.
 */
export function isQueued({ queued }: Pick<Rollout, 'queued'>): boolean {
  return queued != null;
}

/**
 * Can a newer revision send it back? Not where that is no better than what it does: it goes back already, has nothing to
 * go back to, or takes back a revision that a person has left, to which all requests would return.
 */
export function canBeSuperseded({ phase, stable, undoes, joint }: Rollout): boolean {
  // Its other backends have no newer revision: who starts one of this backend waits.
  if (joint !== undefined) return false;
  if (phase === 'promoting') return stable !== null && undoes === undefined;
  return phase === 'pending' || phase === 'preparing' || phase === 'stepping';
}

/** What it looks like while it waits. */
export function queuedBehind(backend: string, owner: string): Pick<Rollout, 'queued' | 'waitingFor'> {
  return { queued: { behind: owner }, waitingFor: `rollout ${owner} of ${backend} to end` };
}

/** Its end before it has begun. The place is another's already, or free. */
export function leaveQueue(d: Draft, phase: 'aborted' | 'failed' | 'superseded', message: string, by: string): void {
  if (d.backend.next === d.rollout.id) d.backend = { ...d.backend, next: null };
  change(d, { phase, paused: null, queued: null, waitingFor: 'nothing: the rollout has ended' });
  emit(d, 'finished', message, { outcome: phase }, by);
  tell(d, phase);
}

/** What a rollout learns of its surroundings at the moment it begins. */
export interface Found {
  readonly fleets: readonly string[];
  readonly requires: readonly Capability[];
  readonly routeTimeoutMs: number;
}

export interface TurnInput {
  readonly rollout: Rollout;
  readonly backend: BackendState;
  /** Text: why it could not begin now. Asked for when it is its turn alone. */
  readonly found: Found | string;
  readonly nowMs: number;
}

/** Has the one before it ended? */
export function isItsTurn({ id }: Pick<Rollout, 'id'>, backend: BackendState): boolean {
  return backend.rolloutId === null && backend.next === id;
}

/**
 * One look at a rollout that waits, from records alone: whoever was killed meanwhile, the next look comes to the same. It
 * begins with what is stable now, not with what was when it was asked for; its deadline counts from here.
 *
 * @param againMs when to look again, if it has to go on waiting
 */
export function takeTurn({ rollout, backend, found, nowMs }: TurnInput, againMs: number): Transition {
  const d = draft(rollout, backend, nowMs);
  if (backend.next !== rollout.id) {
    const summary = `backend ${rollout.backend} does not wait for it any more`;
    return leave(d, rollout, 'aborted', { kind: 'person', summary }, nowMs);
  }
  if (backend.rolloutId !== null) {
    const { queued, waitingFor } = queuedBehind(rollout.backend, backend.rolloutId);
    if (rollout.queued?.behind !== backend.rolloutId) change(d, { queued });
    wait(d, waitingFor);
    return finish(d, rollout, d.nowMs + againMs, nowMs);
  }
  if (typeof found === 'string') return leave(d, rollout, 'failed', { kind: 'unservable', summary: found }, nowMs);
  const { canary } = rollout;
  if (backend.stable !== null && backend.stable.cluster === canary.cluster) {
    const summary = `${backend.stable.name} has become stable meanwhile, with the same cluster`;
    return leave(d, rollout, 'superseded', { kind: 'superseded', summary }, nowMs);
  }
  const deadlineAtMs = d.nowMs + rollout.spec.deadlineMs;
  change(d, { ...found, stable: backend.stable, deadlineAtMs, queued: null, waitingFor: 'the first look at it' });
  d.backend = { ...backend, rolloutId: rollout.id, next: null };
  emit(d, 'started', `rollout of ${canary.name} by plan ${rollout.plan} begins`);
  tell(d, 'started', [['By', rollout.startedBy]]);
  return finish(d, rollout, d.nowMs, nowMs);
}

function leave(
  d: Draft,
  before: Rollout,
  phase: Parameters<typeof leaveQueue>[1],
  why: Pick<Cause, 'kind' | 'summary'>,
  nowMs: number,
): Transition {
  change(d, { cause: { ...why, by: 'serin', atMs: d.nowMs, step: before.step, verdict: null, node: null } });
  leaveQueue(d, phase, why.summary, 'serin');
  return finish(d, before, null, nowMs);
}
