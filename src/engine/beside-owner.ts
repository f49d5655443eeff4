import type { BackendState } from '../core/model/backend-state.ts';
import { recordBackend } from '../core/replay/record-decision.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { type Held, rolloutKey } from './load.ts';
import type { Commit } from './ports/store.ts';
import { EMPTY_COMMIT } from './publish.ts';

/**
 * The backend changes under a rollout that goes on: who waits behind it is another one. That is kept with its decisions,
 * which are made from the backend as well, and fenced by its record.
 */
export function besideOwner(owner: Held<Rollout>, backend: BackendState, backendRev: number): Commit {
  return {
    ...EMPTY_COMMIT,
    reads: [{ key: rolloutKey(owner.body.id), rev: owner.rev }],
    decisions: [recordBackend(owner.body.id, owner.rev, backend, backendRev)],
  };
}
