import type { BackendState } from '../core/model/backend-state.ts';
import { ok, type Result } from '../core/model/errors.ts';
import { recordCommand } from '../core/replay/record-decision.ts';
import { decideCommand } from '../core/rollout/command.ts';
import { isQueued } from '../core/rollout/queued.ts';
import type { Dependencies } from './dependencies.ts';
import { type Held, loadNamed } from './load.ts';
import type { Commit } from './ports/store.ts';
import { EMPTY_COMMIT, transitionCommit } from './publish.ts';

/**
 * The end of the rollout that waits for this backend: where all go back to stable, nothing begins by itself. Writes that
 * rollout alone; empty where nobody waits.
 */
export async function withdrawWaiting(
  deps: Dependencies,
  backend: Held<BackendState>,
  by: string,
): Promise<Result<Commit>> {
  const loaded = await loadNamed(deps.records, backend.body.next);
  if (loaded.kind === 'error') return loaded;
  const waiting = loaded.value;
  if (waiting === null || !isQueued(waiting.body)) return ok(EMPTY_COMMIT);
  const input = {
    ...{ rollout: waiting.body, backend: backend.body, by, observed: { fleets: {} } },
    command: { type: 'abort', reason: 'the store had lost commits; every rollout ends' } as const,
    ...{ settings: deps.settings(), nowMs: deps.clock.now() },
  };
  const outcome = decideCommand(input);
  if (outcome.kind !== 'accepted') return ok(EMPTY_COMMIT);
  const revs = { rollout: waiting.rev, backend: backend.rev };
  const decision = recordCommand(input, outcome.transition, revs);
  return ok(transitionCommit(outcome.transition, revs, false, decision));
}
