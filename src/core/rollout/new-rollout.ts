import type { Rollout } from './rollout.ts';

type Given = Pick<
  Rollout,
  | 'id'
  | 'plan'
  | 'spec'
  | 'trigger'
  | 'backend'
  | 'fleets'
  | 'canary'
  | 'stable'
  | 'startedBy'
  | 'createdAtMs'
  | 'requires'
  | 'routeTimeoutMs'
  | 'joint'
  | 'variants'
>;

/** A rollout of which nothing has happened yet. */
export function newRollout(given: Given): Rollout {
  return {
    ...given,
    phase: 'pending',
    paused: null,
    step: -1,
    attempt: 0,
    updatedAtMs: given.createdAtMs,
    deadlineAtMs: given.createdAtMs + given.spec.deadlineMs,
    push: null,
    drill: null,
    excluded: {},
    aftercare: null,
    approval: null,
    evidence: null,
    cause: null,
    history: [],
    waitingFor: 'the first look at it',
  };
}
