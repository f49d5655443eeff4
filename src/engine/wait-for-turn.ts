import { type BackendState, freshBackend } from '../core/model/backend-state.ts';
import type { SerinError } from '../core/model/errors.ts';
import { recordGiven } from '../core/replay/record-decision.ts';
import { LOOK_AGAIN_MS } from '../core/rollout/await-live.ts';
import { type Found, isItsTurn, takeTurn } from '../core/rollout/queued.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Transition } from '../core/rollout/transition.ts';
import type { Dependencies } from './dependencies.ts';
import type { Held, Loaded } from './load.ts';
import type { Commit } from './ports/store.ts';
import { transitionCommit } from './publish.ts';
import { surroundings } from './surroundings.ts';

/**
 * A look at a rollout that waits for another one to end. What it finds around it is read when it is its turn: routes and
 * fleets may have changed since it was asked for. An error: the store does not answer.
 */
export async function waitForTurn(
  deps: Dependencies,
  rollout: Held<Rollout>,
  backend: Loaded<BackendState>,
): Promise<
  | { readonly kind: 'decided'; readonly transition: Transition; readonly commit: Commit }
  | { readonly kind: 'stuck'; readonly error: SerinError | undefined }
> {
  const { body } = rollout;
  // A backend that is gone waits for nobody.
  const state = backend.body ?? freshBackend(body.backend);
  let found: Found | string = '';
  if (isItsTurn(body, state)) {
    const read = await surroundings(deps, body.spec);
    const [error] = read.kind === 'error' ? read.errors : [];
    if (read.kind === 'ok') {
      const { fleets, requires, routeTimeoutMs } = read.value;
      found = { fleets, requires, routeTimeoutMs };
    } else if (error?.code === 'SERIN_NOT_READY') found = error.message;
    else return { kind: 'stuck', error };
  }
  const nowMs = deps.clock.now();
  const transition = takeTurn({ rollout: body, backend: state, found, nowMs }, LOOK_AGAIN_MS);
  const given = recordGiven('start', transition, nowMs);
  const revs = { rollout: rollout.rev, backend: backend.rev };
  const changed = transition.backend !== state;
  return { kind: 'decided', transition, commit: transitionCommit(transition, revs, changed, given) };
}
