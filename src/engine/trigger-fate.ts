import { ok, type Result } from '../core/model/errors.ts';
import { isTerminal, type Phase } from '../core/model/phase.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Dependencies } from './dependencies.ts';
import { loadBackend, loadNamed } from './load.ts';

/** What became of a rollout that a plan's `revision` has begun; `undone`: it was promoted, and a person took it back. */
export type Fate = Phase | 'undone';

/** `null`: the rollout is not kept any more. */
export async function fateOf(deps: Pick<Dependencies, 'records'>, id: string | null): Promise<Result<Fate | null>> {
  const loaded = await loadNamed(deps.records, id);
  if (loaded.kind === 'error') return loaded;
  const rollout = loaded.value?.body ?? null;
  if (rollout?.phase !== 'promoted') return ok(rollout?.phase ?? null);
  const undone = await isUndone(deps, rollout);
  return undone.kind === 'error' ? undone : ok(undone.value ? 'undone' : 'promoted');
}

/** Or is being undone. */
async function isUndone(deps: Pick<Dependencies, 'records'>, { id, backend }: Rollout): Promise<Result<boolean>> {
  const state = await loadBackend(deps.records, backend);
  if (state.kind === 'error') return state;
  const { rolloutId = null, undone } = state.value.body ?? {};
  if (undone === id) return ok(true);
  const active = await loadNamed(deps.records, rolloutId);
  return active.kind === 'error' ? active : ok(active.value?.body.undoes === id);
}

/** By the judge or by a person. A newer revision in its place says nothing against it, and what never had requests failed as well. */
export function isSentBack(fate: Fate | null): boolean {
  const back: readonly (Fate | null)[] = ['rolling_back', 'rolled_back', 'aborting', 'aborted', 'failed', 'undone'];
  return back.includes(fate);
}

export function isUnderWay(fate: Fate | null): boolean {
  return fate !== null && fate !== 'undone' && !isTerminal(fate);
}
