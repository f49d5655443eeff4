import type { Clock } from '../../src/engine/ports/clock.ts';
import type { LedgerStore } from '../../src/engine/ports/ledger.ts';
import type { StoreRead, Unavailable } from '../../src/engine/ports/store.ts';

/** The shared ledger in memory, by the same contract as the one on Redis. */
export interface FakeLedger extends LedgerStore {
  /** While down, everything is `unavailable`. */
  setDown(down: boolean): void;
  /** Everything is gone, as after a failover that lost it. */
  lose(): void;
  /** Number of writes that said something. */
  writes(): number;
}

interface Lease {
  endsAtMs: number;
  sequence: number;
  readonly parts: Map<string, { readonly text: string; readonly sequence: number }>;
}

const DOWN: Unavailable = { kind: 'unavailable', detail: 'the fake ledger is down' };
const ok = <T>(value: T): StoreRead<T> => ({ kind: 'ok', value });

export function fakeLedger(clock: Clock, leaseMs = 10_000): FakeLedger {
  const leases = new Map<string, Lease>();
  const followers = new Set<(replica: string) => void>();
  let down = false;
  let writes = 0;
  const live = (replica: string): Lease | null => {
    const lease = leases.get(replica);
    return lease === undefined || lease.endsAtMs <= clock.now() ? null : lease;
  };
  const hint = (replica: string) => {
    for (const follower of followers) follower(replica);
  };
  return {
    leaseMs,
    setDown: (next) => {
      down = next;
    },
    lose: () => leases.clear(),
    writes: () => writes,
    async join(replica) {
      if (down) return DOWN;
      if (live(replica) !== null) return ok('taken');
      leases.set(replica, { endsAtMs: clock.now() + leaseMs, sequence: 0, parts: new Map() });
      hint(replica);
      return ok('joined');
    },
    async write(replica, sequence, parts) {
      if (down) return DOWN;
      const lease = live(replica);
      if (lease === null) return ok('lost');
      if (sequence <= lease.sequence) return ok('stale');
      for (const { fleet, part, text } of parts) lease.parts.set(`${fleet} ${part}`, { text, sequence });
      lease.sequence = sequence;
      lease.endsAtMs = clock.now() + leaseMs;
      if (parts.length > 0) {
        writes += 1;
        hint(replica);
      }
      return ok('written');
    },
    async read(known) {
      if (down) return DOWN;
      return ok(
        [...leases.keys()].flatMap((replica) => {
          const lease = live(replica);
          if (lease === null) return [];
          const since = known.get(replica) ?? -1;
          const parts = [...lease.parts].flatMap(([name, { text, sequence }]) => {
            const [fleet = '', part = ''] = name.split(' ');
            return sequence > since ? [{ fleet, part, text }] : [];
          });
          const silentMs = clock.now() - (lease.endsAtMs - leaseMs);
          return [{ replica, silentMs, sequence: lease.sequence, parts }];
        }),
      );
    },
    follow(onHint) {
      followers.add(onHint);
      return { stop: () => void followers.delete(onHint) };
    },
  };
}
