import type { KeptCommit } from '../core/chain/kept-commit.ts';
import { lostCommits, whyNot } from '../core/chain/lost-commits.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { type Freeze, freezeSummary } from '../core/model/freeze.ts';
import { isTerminal } from '../core/model/phase.ts';
import type { Dependencies } from './dependencies.ts';
import { fromStore, loadRollout, storeUnavailable } from './load.ts';
import type { RecordKey } from './ports/store.ts';
import type { Reconciled } from './reconciled.ts';

/**
 * The way out of a frozen store that loses nothing: what it lost is written again, from the tail that this replica keeps,
 * up to the last commit that anybody has seen. The store is then what it was, in the epoch that it was in, so Envoys,
 * rollouts and messages go on where they were.
 */
export async function replayStore(deps: Dependencies, by: string, frozen: Freeze): Promise<Result<Reconciled>> {
  const kept = deps.tail.kept();
  const history = fromStore(await deps.tail.history((kept[0]?.n ?? 1) - 1));
  if (history.kind === 'error') return history;
  const lost = lostCommits(history.value, kept, frozen.seen?.n ?? 0);
  const end = kept.at(-1);
  if (lost.kind !== 'found') return refused(whyNot(lost));
  if (end === undefined) return refused(whyNot({ kind: 'nothing kept' }));
  const written = await deps.tail.writeAgain(lost.commits, end, frozen);
  switch (written.kind) {
    case 'unavailable':
      return storeUnavailable(written);
    case 'overtaken':
      return fail('SERIN_CONFLICT', 'something has changed meanwhile; look at it and decide again');
    case 'conflict':
      return refused(
        `commit ${written.n} does not fit on what the store holds (${written.key}); somebody has changed it`,
      );
    case 'written':
      break;
  }
  const backends = await goOn(deps, written.keys);
  const summary = { replayed: lost.commits.length, upTo: end.n };
  deps.logger.warn('store reconciled', { mode: 'replay', by, freeze: freezeSummary(frozen), ...summary });
  return ok({ mode: 'replay', freeze: freezeSummary(frozen), replayed: range(lost.commits), backends, routes: [] });
}

function refused(why: string): Result<never> {
  return fail('SERIN_REPLAY_REFUSED', why);
}

function range(commits: readonly KeptCommit[]): Reconciled['replayed'] {
  const [first, last] = [commits[0], commits.at(-1)];
  return first === undefined || last === undefined ? null : { from: first.n, to: last.n };
}

/** Where the rollouts are now that were written again. What cannot be told is no reason to say that nothing was done. */
async function goOn(deps: Dependencies, keys: readonly RecordKey[]): Promise<Reconciled['backends']> {
  const backends: { backend: string; summary: string }[] = [];
  for (const key of keys) {
    if (!key.startsWith('rollout/')) continue;
    const loaded = await loadRollout(deps.records, key.slice('rollout/'.length));
    if (loaded.kind === 'error' || loaded.value.body === null) continue;
    const { id, backend, phase, step } = loaded.value.body;
    const active = !isTerminal(phase);
    if (active) deps.wakeUps.kick(`rollout/${id}`);
    const at = phase === 'stepping' ? `at step ${step + 1}` : `as ${phase}`;
    backends.push({ backend, summary: `rollout ${id} ${active ? 'goes on' : 'has ended'} ${at}` });
  }
  return backends;
}
