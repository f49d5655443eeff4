import { z } from 'zod';
import { SCHEMA, type Schema } from '../../core/model/schema.ts';
import { isOwner } from '../../core/model/stored-traffic.ts';
import { activePhaseOf } from '../../core/rollout/active-phase.ts';
import type { StoreRead, Unavailable } from '../../engine/ports/store.ts';
import type { ArchiveLine, Damage, LoadOutcome, StoreArchive, StoreDump } from '../../engine/ports/store-archive.ts';
import type { Answer, RedisCalls } from './redis-calls.ts';
import { randomName } from './redis-records.ts';
import { parseCount, parseJson, parseRevision } from './stored-values.ts';

const Strings = z.array(z.string());
const Page = z.tuple([z.string(), Strings]);
const Pair = z.tuple([z.string(), z.string()]);
const Rows = z.array(Strings);
const Named = z.array(z.tuple([z.string(), Strings]));
const Dump = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  Rows,
  Named,
  Strings,
  Named,
  Strings,
  Rows,
  Strings,
]);
const Events = z.array(z.tuple([z.string(), Strings]));

const EVENT_PAGE = 1_000;
/** Commands sent together while a store is filled. */
const LOAD_CHUNK = 200;
/** Kinds of keys that a dump looks for by name, in the order that its script takes them. */
const FAMILIES = ['record:', 'index:', 'traffic:', 'outbox:', 'events:'] as const;

/** The whole store at once, from the same connection as everything else. */
export function redisArchive(calls: RedisCalls): StoreArchive {
  return {
    schema: async () => {
      const answer = await calls.run(Pair, (client, p) => client.serinSchema(p));
      return answer.kind === 'ok' ? { kind: 'ok', value: schemaOf(answer.value) } : answer;
    },
    raiseSchema: async ({ version, reader }) => {
      const answer = await calls.run(Pair, (client, p) => client.serinSchema(p, String(version), String(reader)));
      return answer.kind === 'ok' ? { kind: 'ok', value: 'done' } : answer;
    },
    dump: () => dump(calls),
    load: (lines, { replace }) => load(calls, lines, replace),
  };
}

function schemaOf([version, reader]: readonly [string, string]): Schema {
  return { version: parseCount(version) ?? 0, reader: parseCount(reader) ?? 0 };
}

async function dump(calls: RedisCalls): Promise<StoreRead<StoreDump>> {
  const found = await scan(calls);
  if (found.kind !== 'ok') return found;
  const names = FAMILIES.flatMap((family) => {
    const own = found.value.filter((name) => name.startsWith(family)).map((name) => name.slice(family.length));
    return [String(own.length), ...own];
  });
  const answer = await calls.run(Dump, (client, p) => client.serinDump(p, ...names));
  if (answer.kind !== 'ok') return answer;
  const [version, reader, epoch, takenAt, records, tables, due, outbox, dead, streams, damaged] = answer.value;
  const lines: ArchiveLine[] = [];
  const damage: Damage[] = [];
  const keep = (where: string, made: ArchiveLine | string): void => {
    if (typeof made === 'string') damage.push({ where, detail: made });
    else lines.push(made);
  };
  for (let i = 0; i + 1 < damaged.length; i += 2) keep(damaged[i] ?? '', damaged[i + 1] ?? '');
  for (const row of records) keep(`record:${row[0]}`, recordLine(row));
  for (const [fleet, cells] of tables) keep(`traffic:${fleet}`, fleetLine(fleet, cells));
  for (let i = 0; i + 1 < due.length; i += 2) {
    lines.push({ kind: 'due', subject: due[i] ?? '', atMs: Number(due[i + 1]) });
  }
  for (const [queue, notices] of outbox) for (const raw of notices) keep(`outbox:${queue}`, noticeLine(queue, raw));
  for (const raw of dead) keep('dead', deadLine(raw));
  for (const [rolloutId = '', last = ''] of streams) {
    const events = await eventLines(calls, rolloutId, last);
    if (events.kind !== 'ok') return events;
    for (const made of events.value) keep(`events:${rolloutId}`, made);
  }
  return {
    kind: 'ok',
    value: {
      schema: schemaOf([version, reader]),
      epoch: epoch === '' ? null : epoch,
      takenAtMs: Number(takenAt),
      lines,
      damage,
    },
  };
}

/** Names of all keys under the prefix, without it. What comes or goes meanwhile may be missing, or twice. */
async function scan(calls: RedisCalls): Promise<Answer<readonly string[]>> {
  const names = new Set<string>();
  const { prefix } = calls;
  let cursor = '0';
  do {
    const page = await calls.run(Page, (client) => client.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000));
    if (page.kind !== 'ok') return page;
    cursor = page.value[0];
    for (const key of page.value[1]) names.add(key.slice(prefix.length));
  } while (cursor !== '0');
  return { kind: 'ok', value: [...names].sort() };
}

function recordLine([key = '', order = '', rev = '', text = '']: readonly string[]): ArchiveLine | string {
  const count = parseCount(rev);
  const body = parseJson(text);
  if (count === null || count === 0) return 'the rev is not a number';
  if (body.kind === 'bad' || body.value === null) return `the body is ${body.kind === 'bad' ? body.detail : 'empty'}`;
  return { kind: 'record', key, rev: count, order: Number(order), body: body.value };
}

function fleetLine(fleet: string, cells: readonly string[]): ArchiveLine | string {
  const table = new Map<string, string>();
  for (let i = 0; i + 1 < cells.length; i += 2) table.set(cells[i] ?? '', cells[i + 1] ?? '');
  const n = parseCount(table.get('@n') ?? '');
  if (n === null || !table.has('@epoch')) return 'no fleet revision';
  const owners: { owner: string; n: number; value: unknown }[] = [];
  for (const [owner, text] of table) {
    if (!isOwner(owner)) continue;
    const cell = parseCell(text);
    if (typeof cell === 'string') return `${owner}: ${cell}`;
    owners.push({ owner, ...cell });
  }
  const trying = table.get('@trial');
  if (trying === undefined) return { kind: 'fleet', fleet, n, owners, trial: null };
  const trial = parseCell(trying);
  if (typeof trial === 'string') return `@trial: ${trial}`;
  return { kind: 'fleet', fleet, n, owners, trial: { by: table.get('@trialBy') ?? '', ...trial } };
}

/** `<n>|<json>` */
function parseCell(text: string): { readonly n: number; readonly value: unknown } | string {
  const n = parseRevision(text);
  const value = parseJson(text.slice(text.indexOf('|') + 1));
  if (n === null) return 'no fleet revision before the value';
  return value.kind === 'bad' ? value.detail : { n, value: value.value };
}

function noticeLine(queue: string, raw: string): ArchiveLine | string {
  const notice = parseJson(raw.slice(raw.indexOf('\n') + 1));
  return notice.kind === 'bad' ? `a notice is ${notice.detail}` : { kind: 'notice', queue, notice: notice.value };
}

function deadLine(raw: string): ArchiveLine | string {
  const [queue = '', detail = '', ...json] = raw.split('\n');
  const notice = parseJson(json.join('\n'));
  return notice.kind === 'bad' ? `a letter is ${notice.detail}` : { kind: 'dead', queue, detail, notice: notice.value };
}

/** Events are only ever added, so those up to the last one of the moment are those of the moment. */
async function eventLines(
  calls: RedisCalls,
  rolloutId: string,
  last: string,
): Promise<Answer<readonly (ArchiveLine | string)[]>> {
  const lines: (ArchiveLine | string)[] = [];
  let from = '-';
  for (;;) {
    const page = await calls.run(Events, (client, p) =>
      client.xrange(`${p}events:${rolloutId}`, from, last, 'COUNT', EVENT_PAGE),
    );
    if (page.kind !== 'ok') return page;
    for (const [id, fields] of page.value) {
      const event = parseJson(fields[1] ?? '');
      lines.push(
        event.kind === 'bad' ? `event ${id} is ${event.detail}` : { kind: 'event', rolloutId, id, event: event.value },
      );
    }
    const end = page.value.at(-1)?.[0];
    if (end === undefined || page.value.length < EVENT_PAGE) return { kind: 'ok', value: lines };
    from = `(${end}`;
  }
}

async function load(calls: RedisCalls, lines: readonly ArchiveLine[], replace: boolean): Promise<LoadOutcome> {
  const epoch = randomName();
  const freeze = JSON.stringify({ reason: 'import', by: epoch });
  const begun = await calls.run(z.string(), (client, p) => client.serinLoadBegin(p, replace ? '1' : '0', freeze));
  if (begun.kind !== 'ok') return begun;
  if (begun.value === 'not empty') return { kind: 'not empty' };
  const found = await scan(calls);
  if (found.kind !== 'ok') return found;
  // Replicas that run keep the leases by which they know of each other; what people did stays written down.
  const old = found.value.filter((name) => !['frozen', 'audit'].includes(name) && !name.startsWith('ledger'));
  const { prefix } = calls;
  const commands = [
    ...old.map((name) => ['UNLINK', `${prefix}${name}`]),
    ...lines.flatMap((line) => commandsOf(prefix, epoch, line)),
  ];
  for (let from = 0; from < commands.length; from += LOAD_CHUNK) {
    const words = commands.slice(from, from + LOAD_CHUNK).flatMap((command) => [String(command.length), ...command]);
    const written = await calls.run(z.string(), (client, p) => client.serinLoadWrite(p, freeze, ...words));
    if (written.kind !== 'ok') return written;
    if (written.value !== 'written') return OVERTAKEN;
  }
  const newest = lines.reduce((most, line) => (line.kind === 'record' ? Math.max(most, line.order) : most), 0);
  const ended = await calls.run(z.string(), (client, p) =>
    client.serinLoadEnd(p, freeze, epoch, String(SCHEMA.version), String(SCHEMA.reader), String(newest)),
  );
  if (ended.kind !== 'ok') return ended;
  return ended.value === 'done' ? { kind: 'loaded', epoch } : OVERTAKEN;
}

const OVERTAKEN: Unavailable = { kind: 'unavailable', detail: 'another import has begun meanwhile' };

/** What puts one line into Redis. */
function commandsOf(p: string, epoch: string, line: ArchiveLine): string[][] {
  switch (line.kind) {
    case 'record': {
      const { key, rev, order, body } = line;
      const indexes = [...key.matchAll(/\//g)].map(({ index }) => key.slice(0, index + 1));
      return [
        ['HSET', `${p}record:${key}`, 'rev', String(rev), 'body', JSON.stringify(body)],
        ...indexes.map((index) => ['ZADD', `${p}index:${index}`, String(order), key]),
        ...countOf(p, key, body),
      ];
    }
    case 'fleet': {
      const { fleet, n, owners, trial } = line;
      const key = `${p}traffic:${fleet}`;
      const tried = trial === null ? [] : ['@trialBy', trial.by, '@trial', `${trial.n}|${JSON.stringify(trial.value)}`];
      return [
        ['HSET', key, '@n', String(n), '@epoch', epoch, ...tried],
        ...owners.map((cell) => ['HSET', key, cell.owner, `${cell.n}|${JSON.stringify(cell.value)}`]),
        ['SADD', `${p}fleets`, fleet],
      ];
    }
    case 'due':
      return [['ZADD', `${p}due`, String(line.atMs), line.subject]];
    case 'notice':
      return [
        ['RPUSH', `${p}outbox:${line.queue}`, `${idOf(line.notice)}\n${JSON.stringify(line.notice)}`],
        ['ZADD', `${p}waiting`, 'NX', String(sinceOf(line.notice)), line.queue],
      ];
    case 'dead':
      return [['RPUSH', `${p}dead`, `${line.queue}\n${line.detail}\n${JSON.stringify(line.notice)}`]];
    case 'event':
      return [['XADD', `${p}events:${line.rolloutId}`, line.id, 'e', JSON.stringify(line.event)]];
  }
}

/** What commits count; how old a rollout's evidence is follows with its next commit. */
function countOf(p: string, key: string, body: unknown): string[][] {
  const phase = activePhaseOf(key, body);
  if (phase === null) return [];
  return [
    ['HSET', `${p}active`, key.slice('rollout/'.length), phase],
    ['HINCRBY', `${p}phases`, phase, '1'],
  ];
}

function sinceOf(notice: unknown): number {
  const known = typeof notice === 'object' && notice !== null && 'atMs' in notice ? Number(notice.atMs) : 0;
  return Number.isFinite(known) ? known : 0;
}

function idOf(notice: unknown): string {
  return typeof notice === 'object' && notice !== null && 'id' in notice ? String(notice.id) : '';
}
