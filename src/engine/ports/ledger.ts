import type { StoreRead } from './store.ts';

/** One part of what a replica says of a fleet; parts that did not change are not written again. */
export interface LedgerPart {
  readonly fleet: string;
  /** `progress`, or `members/<i>`. */
  readonly part: string;
  readonly text: string;
}

export interface ReplicaLedger {
  readonly replica: string;
  /** For how long nothing has come of it. */
  readonly silentMs: number;
  /** Its newest write; given back as `known`, it saves reading the same again. */
  readonly sequence: number;
  /** What it has written since `known`. */
  readonly parts: readonly LedgerPart[];
}

/**
 * What each replica says of the Envoys that are connected to it. A replica's words live as long as its lease, which
 * each write renews; then they are gone, and its name with them.
 */
export interface LedgerStore {
  /** How long a lease outlives the last write. */
  readonly leaseMs: number;
  /** Begins a lease under a name that nobody has used; it says nothing yet. */
  join(replica: string): Promise<StoreRead<'joined' | 'taken'>>;
  /**
   * All parts or none, and renews the lease. `stale`: a write of the same or a higher sequence was there first.
   * `lost`: the lease has ended; nothing that is said under this name counts any more.
   */
  write(
    replica: string,
    sequence: number,
    parts: readonly LedgerPart[],
  ): Promise<StoreRead<'written' | 'stale' | 'lost'>>;
  /** All replicas with a lease; `known`: by replica, the sequence read last. */
  read(known: ReadonlyMap<string, number>): Promise<StoreRead<readonly ReplicaLedger[]>>;
  /**
   * Calls `onHint` with the replica that has joined or written parts, `null`: any may have. Hints can get lost: readers
   * also poll.
   */
  follow(onHint: (replica: string | null) => void): { stop(): void };
}
