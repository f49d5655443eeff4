import type { KeptCommit } from '../../core/chain/kept-commit.ts';
import type { StoreHistory } from '../../core/chain/lost-commits.ts';
import type { Freeze, StorePoint } from '../../core/model/freeze.ts';
import type { RecordKey, StoreRead, Unavailable } from './store.ts';

export type WrittenAgain =
  | { readonly kind: 'written'; readonly keys: readonly RecordKey[] }
  /** Nothing was written: what commit `n` had read is not what the store holds, or its events would get other ids. */
  | { readonly kind: 'conflict'; readonly n: number; readonly key: string }
  /** Somebody has ended the freeze, or begun another one. */
  | { readonly kind: 'overtaken' }
  | Unavailable;

/** The last commits of the store, which each replica keeps, and the way back to them. */
export interface StoreTail {
  /** Oldest first; none if this process has seen none. */
  kept(): readonly KeptCommit[];
  /** The store as it is now, frozen or not, with its links from commit `from` on. */
  history(from: number): Promise<StoreRead<StoreHistory>>;
  /**
   * Writes commits again that follow on what the frozen store holds, in order, and ends the freeze at `end`, the last one. They
   * are checked as a whole before; cut off half-way, the store stays frozen, and the rest can be written later.
   */
  writeAgain(commits: readonly KeptCommit[], end: StorePoint, freeze: Freeze): Promise<WrittenAgain>;
  /** Keeps what is committed from now on, whoever does. */
  follow(): Promise<{ stop(): Promise<void> }>;
}
