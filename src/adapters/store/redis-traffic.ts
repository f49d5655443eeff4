import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { FleetTable, OwnerTraffic, TrafficOwner } from '../../core/model/traffic.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Standing, StoreRead, TrafficFeed, TrafficReader } from '../../engine/ports/store.ts';
import { followChanges } from './change-follower.ts';
import type { RedisCalls } from './redis-calls.ts';
import { corrupt, randomName } from './redis-records.ts';
import { isOwner, parseCount, parseOwner, parseRevision, parseTrial, requirePlainName } from './stored-values.ts';

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
    standing: async (fleet, owner) => {
      requirePlainName('fleet', fleet);
      const key = `${calls.prefix}traffic:${fleet}`;
      const answer = await calls.run(Cells, (client) => client.hmget(key, '@epoch', owner, '@trial'));
      return answer.kind === 'ok' ? standing(key, owner, answer.value) : answer;
    },
    follow: (onChange) => followChanges({ connect, key: `${calls.prefix}changes`, fleets, onChange, logger }),
  };
}

function standing(key: string, owner: TrafficOwner, cells: readonly (string | null)[]): StoreRead<Standing> {
  const [epoch = null, cell = null, trying = null] = cells;
  const n = cell === null ? null : parseRevision(cell);
  const trial = trying === null ? null : parseTrial(trying);
  if (cell !== null && (epoch === null || n === null)) return corrupt(key, `${owner}: no fleet revision`);
  if (trial?.kind === 'bad') return corrupt(key, `@trial: ${trial.detail}`);
  if (trial !== null && epoch === null) return corrupt(key, 'a trial without an epoch');
  const at = (revision: number | null) => (epoch === null || revision === null ? null : { epoch, n: revision });
  const began = at(trial?.value.n ?? null);
  const tried = trial === null || began === null ? null : { by: trial.value.by, probe: trial.value.probe };
  return {
    kind: 'ok',
    value: { position: at(n), trial: tried === null || began === null ? null : { ...tried, position: began } },
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
  if (row.length === 0) return { kind: 'ok', value: { fleet, position: { epoch, n: 0 }, trial: null, owners } };
  const n = parseCount(meta.get('@n') ?? '');
  const own = meta.get('@epoch');
  if (n === null || own === undefined) return corrupt(key, 'no fleet revision');
  const trying = meta.get('@trial');
  const trial = trying === undefined ? null : parseTrial(trying);
  if (trial?.kind === 'bad') return corrupt(key, `@trial: ${trial.detail}`);
  return { kind: 'ok', value: { fleet, position: { epoch: own, n }, trial: trial?.value ?? null, owners } };
}
