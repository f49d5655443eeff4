import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { FleetTable, OwnerTraffic, TrafficOwner } from '../../core/model/traffic.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { StoreRead, TrafficFeed, TrafficReader } from '../../engine/ports/store.ts';
import { followChanges } from './change-follower.ts';
import type { RedisCalls } from './redis-calls.ts';
import { corrupt, randomName } from './redis-records.ts';
import { isOwner, parseCount, parseOwner, requirePlainName } from './stored-values.ts';

const Strings = z.array(z.string());
const Cells = z.array(z.string().nullable());
const Table = z.tuple([z.string(), z.array(z.string())]);

/** One hash per fleet, so that one read is one consistent fleet revision. */
export function redisTraffic(calls: RedisCalls, connect: () => Redis, logger: Logger): TrafficFeed & TrafficReader {
  const fleets = async (): Promise<StoreRead<readonly string[]>> => {
    const answer = await calls.run(Strings, (client, p) => client.smembers(`${p}fleets`));
    return answer.kind === 'ok' ? { kind: 'ok', value: answer.value.toSorted() } : answer;
  };
  return {
    fleets,
    table: async (fleet) => {
      requirePlainName('fleet', fleet);
      const answer = await calls.run(Table, (client, p) => client.serinTable(p, fleet, randomName()));
      return answer.kind === 'ok' ? table(fleet, `${calls.prefix}traffic:${fleet}`, ...answer.value) : answer;
    },
    position: async (fleet, owner) => {
      requirePlainName('fleet', fleet);
      const key = `${calls.prefix}traffic:${fleet}`;
      const answer = await calls.run(Cells, (client) => client.hmget(key, '@epoch', owner));
      if (answer.kind !== 'ok') return answer;
      const [epoch = null, cell = null] = answer.value;
      if (cell === null) return { kind: 'ok', value: null };
      const n = parseCount(cell.slice(0, Math.max(0, cell.indexOf('|'))));
      return epoch === null || n === null
        ? corrupt(key, `${owner}: no fleet revision`)
        : { kind: 'ok', value: { epoch, n } };
    },
    follow: (onChange) => followChanges({ connect, key: `${calls.prefix}changes`, fleets, onChange, logger }),
  };
}

function table(fleet: string, key: string, epoch: string, row: readonly string[]): StoreRead<FleetTable> {
  const owners = new Map<TrafficOwner, { readonly n: number; readonly value: OwnerTraffic }>();
  const meta = new Map<string, string>();
  for (let i = 0; i + 1 < row.length; i += 2) {
    const [name = '', text = ''] = row.slice(i, i + 2);
    if (isOwner(name)) {
      const owner = parseOwner(text);
      if (owner.kind === 'bad') return corrupt(key, `${name}: ${owner.detail}`);
      owners.set(name, owner.value);
    } else meta.set(name, text);
  }
  if (row.length === 0) return { kind: 'ok', value: { fleet, position: { epoch, n: 0 }, owners } };
  const n = parseCount(meta.get('@n') ?? '');
  const own = meta.get('@epoch');
  if (n === null || own === undefined) return corrupt(key, 'no fleet revision');
  return { kind: 'ok', value: { fleet, position: { epoch: own, n }, owners } };
}
