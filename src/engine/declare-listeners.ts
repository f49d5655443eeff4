import { fail, ok, type Result } from '../core/model/errors.ts';
import type { FleetTable, ListenerTraffic, TrafficOwner } from '../core/model/traffic.ts';
import { fromStore, storeUnavailable } from './load.ts';
import type { Logger } from './ports/logger.ts';
import type { Commit, RecordKey, RecordStore, TrafficFeed } from './ports/store.ts';
import { EMPTY_COMMIT } from './publish.ts';

export interface FleetListeners {
  readonly fleet: string;
  readonly listeners: readonly Omit<ListenerTraffic, 'kind'>[];
}

/**
 * Every declaration reads it first and writes it: an engine replaces only what it has seen. Of two that start at once
 * with different configurations the later one wins, and knows what it takes away.
 */
const LISTENERS_FENCE: RecordKey = 'fence/listeners';
/** So often others may come first at a start; more is not two engines that start, it is a mistake. */
const ATTEMPTS = 5;

interface Declaring {
  readonly records: Pick<RecordStore, 'read' | 'commit'>;
  readonly traffic: Pick<TrafficFeed, 'table'>;
  readonly logger: Logger;
}

interface ListenerChange {
  readonly fleet: string;
  readonly listener: string;
  readonly was: ListenerTraffic | null;
  readonly now: ListenerTraffic | null;
}

/**
 * Brings the listeners of the configuration into the records, so that what Envoys are told stays a function of the
 * records alone. Done once at every start, so two configurations do not take turns; nothing is written where they
 * stand there already.
 */
export async function declareListeners(
  { records, traffic, logger }: Declaring,
  declared: readonly FleetListeners[],
): Promise<Result<'same' | 'changed'>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    // Before the tables: what is read later cannot be older.
    const fence = fromStore(await records.read([LISTENERS_FENCE]));
    if (fence.kind === 'error') return fence;
    const changes: ListenerChange[] = [];
    for (const { fleet, listeners } of declared) {
      const table = fromStore(await traffic.table(fleet));
      if (table.kind === 'error') return table;
      changes.push(...changesOf(table.value, listeners));
    }
    if (changes.length === 0) return ok('same');
    const outcome = await records.commit(commitOf(changes, fence.value[0]?.rev ?? 0));
    if (outcome.kind === 'unavailable') return storeUnavailable(outcome);
    if (outcome.kind === 'conflict') continue;
    warnOf(changes, logger);
    return ok('changed');
  }
  return fail('SERIN_CONFLICT', 'the listeners could not be written: other engines keep declaring theirs');
}

function changesOf({ fleet, owners }: FleetTable, listeners: FleetListeners['listeners']): ListenerChange[] {
  const changes: ListenerChange[] = [];
  const wanted = new Map(listeners.map((one) => [one.listener, { kind: 'listener', ...one } as const]));
  const stored = new Map<string, ListenerTraffic>();
  for (const { value } of owners.values()) if (value.kind === 'listener') stored.set(value.listener, value);
  for (const [listener, was] of stored) {
    if (!wanted.has(listener)) changes.push({ fleet, listener, was, now: null });
  }
  for (const [listener, now] of wanted) {
    const was = stored.get(listener) ?? null;
    if (was === null || where(was) !== where(now)) changes.push({ fleet, listener, was, now });
  }
  return changes;
}

function commitOf(changes: readonly ListenerChange[], rev: number): Commit {
  return {
    ...EMPTY_COMMIT,
    reads: [{ key: LISTENERS_FENCE, rev }],
    writes: [{ key: LISTENERS_FENCE, body: {} }],
    traffic: changes.map(({ fleet, listener, now }) => {
      const owner: TrafficOwner = `listener/${listener}`;
      return { fleet, owner, value: now };
    }),
  };
}

/** It may be a change of the configuration that was meant, or a replica that was started with an old one. */
function warnOf(changes: readonly ListenerChange[], logger: Logger): void {
  for (const { fleet, listener, was, now } of changes) {
    if (was === null) continue;
    logger.warn("a listener's place was changed by this engine's configuration", {
      fleet,
      listener,
      was: where(was),
      now: where(now),
    });
  }
}

function where(listener: ListenerTraffic | null): string {
  return listener === null ? 'none' : `${listener.address}:${listener.port}`;
}
