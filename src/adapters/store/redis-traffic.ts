import type { Redis } from 'ioredis';
import { z } from 'zod';
import { isOwner } from '../../core/model/stored-traffic.ts';
import type { FleetTable, OwnerTraffic, TrafficOwner } from '../../core/model/traffic.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Standing, StoreRead, TrafficFeed, TrafficReader, Unavailable } from '../../engine/ports/store.ts';
import { followChanges } from './change-follower.ts';
import type { NewerRecords } from './newer-records.ts';
import { randomName } from './random-name.ts';
import type { RedisCalls } from './redis-calls.ts';
import { corrupt } from './redis-records.ts';
import { parseCellHead, parseCount, parseOwner, parseTrial, requirePlainName } from './stored-values.ts';
import type { Witness } from './witness.ts';

const Strings = z.array(z.string());
const Cells = z.array(z.string().nullable());
const Share = z.enum(['', 'same', 'changes', 'whole']);
const Table = z.tuple([z.string(), z.string(), z.string(), Share, z.array(z.string())]);

type Owners = FleetTable['owners'];

/** One hash per fleet, so that one read is one consistent fleet revision. */
export function redisTraffic(
  calls: RedisCalls,
  witness: Witness,
  newer: NewerRecords,
  connect: () => Redis,
  logger: Logger,
): TrafficFeed & TrafficReader {
  const fleets = async (): Promise<StoreRead<readonly string[]>> => {
    const answer = await calls.run(Strings, (client, p) => client.smembers(`${p}fleets`));
    return answer.kind === 'ok' ? { kind: 'ok', value: answer.value.toSorted() } : answer;
  };
  /** By fleet, what was read last: a change touches one owner, and the others need not be read again. */
  const read = new Map<string, FleetTable>();
  return {
    fleets,
    table: async (fleet) => {
      requirePlainName('fleet', fleet);
      const before = read.get(fleet);
      const { epoch: knownEpoch = '', n: knownN = '' } = before?.position ?? {};
      const answer = await calls.run(Table, (client, p) =>
        client.serinTable(p, fleet, randomName(), ...witness.args(), knownEpoch, String(knownN)),
      );
      if (answer.kind !== 'ok') return answer;
      const [epoch, n, hash, share, row] = answer.value;
      if (epoch === '') return witness.frozen(n);
      witness.saw(epoch, n, hash);
      if (share === 'same' && before !== undefined) return { kind: 'ok', value: before };
      const key = `${calls.prefix}traffic:${fleet}`;
      const cells = tableCells(key, row, share === 'changes' ? before?.owners : undefined, newer);
      const now = cells.kind === 'ok' ? table(fleet, key, epoch, cells.value, newer) : cells;
      // What could not be read is read as a whole the next time.
      if (now.kind === 'ok') read.set(fleet, now.value);
      else read.delete(fleet);
      return now;
    },
    standing: async (fleet, owner) => {
      requirePlainName('fleet', fleet);
      const key = `${calls.prefix}traffic:${fleet}`;
      const answer = await calls.run(Cells, (client) => client.hmget(key, '@epoch', owner, '@trial'));
      return answer.kind === 'ok' ? standing(key, owner, answer.value, newer) : answer;
    },
    follow: (onChange) => followChanges({ connect, key: `${calls.prefix}changes`, fleets, onChange, logger }),
  };
}

function standing(
  key: string,
  owner: TrafficOwner,
  cells: readonly (string | null)[],
  newer: NewerRecords,
): StoreRead<Standing> {
  const [epoch = null, cell = null, trying = null] = cells;
  const refused = refusal(`${key} ${owner}`, cell, newer) ?? refusal(`${key} @trial`, trying, newer);
  if (refused !== null) return refused;
  const n = cell === null ? null : (parseCellHead(cell)?.n ?? null);
  const trial = trying === null ? null : parseTrial(trying, newer.shapes);
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

interface TableCells {
  readonly owners: Owners;
  readonly meta: ReadonlyMap<string, string>;
}

/** Half a table is none: what is not understood of it may be what matters. */
function refusal(what: string, cell: string | null, newer: NewerRecords): Unavailable | null {
  const head = cell === null ? null : parseCellHead(cell);
  return head === null ? null : newer.refuse(what, head.stamp);
}

/** `before`: what names without a cell stand for. */
function tableCells(
  key: string,
  row: readonly string[],
  before: Owners | undefined,
  newer: NewerRecords,
): StoreRead<TableCells> {
  const owners = new Map<TrafficOwner, { readonly n: number; readonly value: OwnerTraffic }>();
  const meta = new Map<string, string>();
  for (let i = 0; i + 1 < row.length; i += 2) {
    const [name = '', text = ''] = row.slice(i, i + 2);
    if (!isOwner(name)) {
      meta.set(name, text);
      continue;
    }
    const known = text === '' ? before?.get(name) : undefined;
    if (known !== undefined) {
      owners.set(name, known);
      continue;
    }
    const refused = refusal(`${key} ${name}`, text, newer);
    if (refused !== null) return refused;
    const owner = parseOwner(name, text, newer.shapes);
    if (owner.kind === 'bad') return corrupt(key, `${name}: ${owner.detail}`);
    owners.set(name, owner.value);
  }
  return { kind: 'ok', value: { owners, meta } };
}

function table(
  fleet: string,
  key: string,
  epoch: string,
  { owners, meta }: TableCells,
  newer: NewerRecords,
): StoreRead<FleetTable> {
  if (owners.size + meta.size === 0) {
    return { kind: 'ok', value: { fleet, position: { epoch, n: 0 }, trial: null, owners } };
  }
  const n = parseCount(meta.get('@n') ?? '');
  const own = meta.get('@epoch');
  if (n === null || own === undefined) return corrupt(key, 'no fleet revision');
  const trying = meta.get('@trial');
  const refused = refusal(`${key} @trial`, trying ?? null, newer);
  if (refused !== null) return refused;
  const trial = trying === undefined ? null : parseTrial(trying, newer.shapes);
  if (trial?.kind === 'bad') return corrupt(key, `@trial: ${trial.detail}`);
  return { kind: 'ok', value: { fleet, position: { epoch: own, n }, trial: trial?.value ?? null, owners } };
}
