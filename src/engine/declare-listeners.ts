import { fail, ok, type Result } from '../core/model/errors.ts';
import type { ListenerTraffic, TrafficOwner } from '../core/model/traffic.ts';
import { fromStore, storeUnavailable } from './load.ts';
import type { Commit, RecordStore, TrafficFeed } from './ports/store.ts';
import { EMPTY_COMMIT } from './publish.ts';

export interface FleetListeners {
  readonly fleet: string;
  readonly listeners: readonly Omit<ListenerTraffic, 'kind'>[];
}

/**
 * Brings the listeners of the configuration into the records, so that what Envoys are told stays a function of the
 * records alone. Done at every start; nothing is written where they stand there already.
 */
export async function declareListeners(
  store: { readonly records: Pick<RecordStore, 'commit'>; readonly traffic: Pick<TrafficFeed, 'table'> },
  declared: readonly FleetListeners[],
): Promise<Result<'same' | 'changed'>> {
  const traffic: Commit['traffic'][number][] = [];
  for (const { fleet, listeners } of declared) {
    const table = fromStore(await store.traffic.table(fleet));
    if (table.kind === 'error') return table;
    const wanted = new Map(
      listeners.map((one): [TrafficOwner, ListenerTraffic] => [
        `listener/${one.listener}`,
        { kind: 'listener', ...one },
      ]),
    );
    for (const [owner, { value }] of table.value.owners) {
      if (value.kind === 'listener' && !wanted.has(owner)) traffic.push({ fleet, owner, value: null });
    }
    for (const [owner, value] of wanted) {
      const stored = table.value.owners.get(owner)?.value;
      if (stored === undefined || !isSame(stored as ListenerTraffic, value)) traffic.push({ fleet, owner, value });
    }
  }
  if (traffic.length === 0) return ok('same');
  const outcome = await store.records.commit({ ...EMPTY_COMMIT, traffic });
  if (outcome.kind === 'committed') return ok('changed');
  return outcome.kind === 'unavailable'
    ? storeUnavailable(outcome.detail)
    : fail('SERIN_CONFLICT', `the listeners could not be written: ${outcome.key}`);
}

function isSame(a: ListenerTraffic, b: ListenerTraffic): boolean {
  return a.address === b.address && a.port === b.port;
}
