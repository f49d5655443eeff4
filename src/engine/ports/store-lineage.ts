import type { Freeze } from '../../core/model/freeze.ts';
import type { Commit, CommitOutcome, StoreRead } from './store.ts';

/**
 * The history of the store, and what this replica remembers of it (invariant I13). Every commit and every read of a table
 * is answered only if what was seen lies in the store's past; else the store freezes, for everybody.
 */
export interface StoreLineage {
  /** Compares now. `mine`: this replica is the one that found out. */
  look(): Promise<StoreRead<{ readonly frozen: (Freeze & { readonly mine: boolean }) | null }>>;
  /**
   * The one commit that a frozen store takes: begins a new epoch that follows both what is there and what was seen, and
   * ends the freeze. `tables` are emptied first; every fleet gets a new revision. A freeze other than this one is a
   * conflict.
   */
  reconcile(
    change: Commit,
    tables: readonly { readonly fleet: string; readonly n: number }[],
    freeze: Freeze,
  ): Promise<CommitOutcome>;
}
