import { z } from 'zod';
import type { CommitTail } from '../../core/chain/commit-tail.ts';
import { parseStamp } from '../../core/model/schema.ts';
import type { Position } from '../../core/model/traffic.ts';
import type { CommitOutcome, RecordKey, RecordStore, StoredRecord, StoreRead } from '../../engine/ports/store.ts';
import { prepared } from './commit-arguments.ts';
import { ownCommit } from './kept-commits.ts';
import type { NewerRecords } from './newer-records.ts';
import type { RedisCalls } from './redis-calls.ts';
import { parseCount, parseEvent, parseJson, requirePlainName, requireRecordKey } from './stored-values.ts';
import type { Witness } from './witness.ts';

const Rows = z.array(z.array(z.string()));
const Strings = z.array(z.string());
const StreamEntries = z.array(z.tuple([z.string(), z.array(z.string())]));
const Time = z.tuple([z.coerce.number().int(), z.coerce.number().int()]);

export function redisRecords(calls: RedisCalls, witness: Witness, newer: NewerRecords, tail: CommitTail): RecordStore {
  return {
    read: (keys) => read(calls, newer, keys),
    list: (prefix, page) => list(calls, newer, prefix, page),
    commit: async (commit) => {
      const { nonce, content, args } = await prepared(commit, witness, newer.shapes);
      const answer = await calls.run(Strings, (client, p) => client.serinCommit(p, ...args));
      if (answer.kind !== 'ok') return answer;
      const own = ownCommit(content, nonce, answer.value);
      if (own !== null) tail.own(own);
      return commitOutcome(answer.value, witness, newer);
    },
    events: async (rolloutId, page) => {
      requirePlainName('rollout id', rolloutId);
      const key = `${calls.prefix}events:${rolloutId}`;
      // An id that is none comes from outside (a resumed event stream); it starts from the beginning.
      const from = page.after !== null && /^\d{1,16}-\d{1,16}$/.test(page.after) ? `(${page.after}` : '-';
      const answer = await calls.run(StreamEntries, (client) =>
        client.xrange(key, from, '+', 'COUNT', pageSize(page.limit)),
      );
      if (answer.kind !== 'ok') return answer;
      return collect(answer.value, ([id, fields]) => {
        const event = parseEvent(fields[1] ?? '');
        return event.kind === 'ok' ? { kind: 'ok', value: { id, event: event.value } } : corrupt(key, event.detail);
      });
    },
    time: async () => {
      const answer = await calls.run(Time, (client) => client.time());
      if (answer.kind !== 'ok') return answer;
      return { kind: 'ok', value: answer.value[0] * 1000 + Math.floor(answer.value[1] / 1000) };
    },
  };
}

async function read(
  calls: RedisCalls,
  newer: NewerRecords,
  keys: readonly RecordKey[],
): Promise<StoreRead<readonly StoredRecord[]>> {
  for (const key of keys) requireRecordKey(key);
  if (keys.length === 0) return { kind: 'ok', value: [] };
  const answer = await calls.run(Rows, (client, p) => client.serinRead(p, ...keys));
  if (answer.kind !== 'ok') return answer;
  const rows = answer.value;
  return collect(keys, (key, index) => record(key, rows[index] ?? [], newer));
}

async function list(
  calls: RedisCalls,
  newer: NewerRecords,
  prefix: string,
  page: { readonly limit: number; readonly cursor: string | null },
): Promise<StoreRead<{ readonly records: readonly StoredRecord[]; readonly cursor: string | null }>> {
  if (!prefix.endsWith('/')) throw new RangeError(`a list prefix ends with a slash: ${prefix}`);
  const limit = pageSize(page.limit);
  // The cursor is a score, the moment of the first write; one that is none comes from outside and starts anew.
  const cursor = page.cursor !== null && /^\d{1,16}$/.test(page.cursor) ? page.cursor : '';
  const answer = await calls.run(Rows, (client, p) => client.serinList(p, prefix, String(limit), cursor));
  if (answer.kind !== 'ok') return answer;
  const shown = answer.value.slice(0, limit);
  const records = collect(shown, ([key = '', , ...row]) =>
    row[0] === '' ? corrupt(key, 'in the index, but gone') : record(key as RecordKey, row, newer),
  );
  if (records.kind !== 'ok') return records;
  const more = answer.value.length > limit;
  return { kind: 'ok', value: { records: records.value, cursor: more ? (shown.at(-1)?.[1] ?? null) : null } };
}

function record(
  key: RecordKey,
  [rev = '', body = '', schema = '']: readonly string[],
  newer: NewerRecords,
): StoreRead<StoredRecord> {
  if (rev === '' && body === '') return { kind: 'ok', value: { key, rev: 0, body: null } };
  const count = parseCount(rev);
  if (count === null || count === 0) return corrupt(key, 'the rev is not a number');
  const stamp = parseStamp(schema);
  if (stamp === null) return corrupt(key, 'its version is none');
  const refused = newer.refuse(key, stamp);
  if (refused !== null) return refused;
  const parsed = parseJson(body);
  if (parsed.kind === 'bad') return corrupt(key, `the body is ${parsed.detail}`);
  if (parsed.value === null) return corrupt(key, 'the body is empty');
  const forward = newer.shapes.migrate(key, parsed.value, stamp.version);
  return {
    kind: 'ok',
    value: { key, rev: count, body: forward, ...(forward === parsed.value ? {} : { older: true }) },
  };
}

/** What the commit script has answered. */
export function commitOutcome(reply: readonly string[], witness: Witness, newer: NewerRecords): CommitOutcome {
  const [kind = '', first = '', ...rest] = reply;
  if (kind === 'conflict') return { kind: 'conflict', key: first };
  if (kind === 'frozen') return witness.frozen(first);
  if (kind === 'newer') {
    const detail = `the store now needs a Serin of schema version ${first} or newer; this one is of ${newer.shapes.schema.version}`;
    return { kind: 'unavailable', newer: true, detail };
  }
  if (kind === 'beyond') {
    const refused = newer.refuse(first, { version: Number(rest[0]), needs: Number(rest[0]) });
    if (refused !== null) return refused;
  }
  if (kind === 'committed') {
    const [n = '', hash = '', , , , count = '0', ...pairs] = rest;
    witness.saw(first, n, hash);
    const revs = pairs.splice(0, 2 * Number(count));
    return { kind: 'committed', fleets: positions(first, pairs), revs: writtenRevs(revs) };
  }
  return { kind: 'unavailable', detail: `the store is damaged: ${first} is not what Serin wrote` };
}

function positions(epoch: string, pairs: readonly string[]): Readonly<Record<string, Position>> {
  const fleets: [string, Position][] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) fleets.push([pairs[i] ?? '', { epoch, n: Number(pairs[i + 1]) }]);
  return Object.fromEntries(fleets);
}

function writtenRevs(pairs: readonly string[]): ReadonlyMap<RecordKey, number> {
  const revs = new Map<RecordKey, number>();
  for (let i = 0; i + 1 < pairs.length; i += 2) revs.set((pairs[i] ?? '') as RecordKey, Number(pairs[i + 1]));
  return revs;
}

function pageSize(limit: number): number {
  return Math.min(Math.max(1, Math.trunc(limit)), 1000);
}

export function corrupt(key: string, detail: string): { kind: 'corrupt'; key: string; detail: string } {
  return { kind: 'corrupt', key, detail };
}

/** All values, or the first thing that is wrong. */
export function collect<A, B>(
  items: readonly A[],
  parse: (item: A, index: number) => StoreRead<B>,
): StoreRead<readonly B[]> {
  const values: B[] = [];
  for (const [index, item] of items.entries()) {
    const parsed = parse(item, index);
    if (parsed.kind !== 'ok') return parsed;
    values.push(parsed.value);
  }
  return { kind: 'ok', value: values };
}
