import { z } from 'zod';
import type { Schema, Shapes } from '../../core/model/schema.ts';
import { isOwner } from '../../core/model/stored-traffic.ts';
import type { StoreRead } from '../../engine/ports/store.ts';
import type { ArchiveCell, ArchiveLine, Damage, StoreArchive, StoreDump } from '../../engine/ports/store-archive.ts';
import { auditLines } from './archive-audit.ts';
import { loadArchive } from './load-archive.ts';
import { unpackDecision } from './pack-decision.ts';
import type { Answer, RedisCalls } from './redis-calls.ts';
import { scanKeys } from './scan-keys.ts';
import { parseCell, parseCount, parseJson } from './stored-values.ts';

const Strings = z.array(z.string());
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
  Rows,
  Strings,
  z.string(),
]);
const Events = z.array(z.tuple([z.string(), Strings]));

const EVENT_PAGE = 1_000;
/** Kinds of keys that a dump looks for by name, in the order that its script takes them. */
const FAMILIES = ['record:', 'index:', 'traffic:', 'outbox:', 'events:'] as const;

/** The whole store at once, from the same connection as everything else. */
export function redisArchive(calls: RedisCalls, shapes: Shapes): StoreArchive {
  return {
    shapes,
    schema: async () => {
      const answer = await calls.run(Pair, (client, p) => client.serinSchema(p));
      return answer.kind === 'ok' ? { kind: 'ok', value: schemaOf(answer.value) } : answer;
    },
    raiseSchema: async ({ version, reader }) => {
      const answer = await calls.run(Pair, (client, p) => client.serinSchema(p, String(version), String(reader)));
      return answer.kind === 'ok' ? { kind: 'ok', value: 'done' } : answer;
    },
    dump: () => dump(calls),
    load: (lines, { replace }) => loadArchive(calls, lines, { replace, schema: shapes.schema }),
  };
}

function schemaOf([version, reader]: readonly [string, string]): Schema {
  return { version: parseCount(version) ?? 0, reader: parseCount(reader) ?? 0 };
}

async function dump(calls: RedisCalls): Promise<StoreRead<StoreDump>> {
  const found = await scanKeys(calls);
  if (found.kind !== 'ok') return found;
  const names = FAMILIES.flatMap((family) => {
    const own = found.value.filter((name) => name.startsWith(family)).map((name) => name.slice(family.length));
    return [String(own.length), ...own];
  });
  const answer = await calls.run(Dump, (client, p) => client.serinDump(p, ...names));
  if (answer.kind !== 'ok') return answer;
  const [version, reader, epoch, takenAt, records, tables, due, outbox, dead, streams, lists, damaged, who] =
    answer.value;
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
  for (const [rolloutId = '', count = '0', last = ''] of lists) {
    const decisions = await decisionLines(calls, rolloutId, Number(count), last);
    if (decisions.kind !== 'ok') return decisions;
    for (const made of decisions.value) keep(`decisions:${rolloutId}`, made);
  }
  const audit = await auditLines(calls, who);
  if (audit.kind !== 'ok') return audit;
  for (const made of audit.value) keep('audit', made);
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

function recordLine([key = '', order = '', rev = '', text = '', schema = '']: readonly string[]): ArchiveLine | string {
  const count = parseCount(rev);
  const body = parseJson(text);
  if (count === null || count === 0) return 'the rev is not a number';
  if (body.kind === 'bad' || body.value === null) return `the body is ${body.kind === 'bad' ? body.detail : 'empty'}`;
  return {
    kind: 'record',
    key,
    rev: count,
    order: Number(order),
    body: body.value,
    ...(schema === '' ? {} : { schema }),
  };
}

function fleetLine(fleet: string, cells: readonly string[]): ArchiveLine | string {
  const table = new Map<string, string>();
  for (let i = 0; i + 1 < cells.length; i += 2) table.set(cells[i] ?? '', cells[i + 1] ?? '');
  const n = parseCount(table.get('@n') ?? '');
  if (n === null || !table.has('@epoch')) return 'no fleet revision';
  const owners: (ArchiveCell & { owner: string })[] = [];
  for (const [owner, text] of table) {
    if (!isOwner(owner)) continue;
    const cell = archived(text);
    if (typeof cell === 'string') return `${owner}: ${cell}`;
    owners.push({ owner, ...cell });
  }
  const trying = table.get('@trial');
  if (trying === undefined) return { kind: 'fleet', fleet, n, owners, trial: null };
  const trial = archived(trying);
  if (typeof trial === 'string') return `@trial: ${trial}`;
  return { kind: 'fleet', fleet, n, owners, trial: { by: table.get('@trialBy') ?? '', ...trial } };
}

function archived(text: string): ArchiveCell | string {
  const cell = parseCell(text);
  if (cell.kind === 'bad') return cell.detail;
  const { n, value, text: schema } = cell.value;
  return { n, value, ...(schema === '' ? {} : { schema }) };
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

const DECISION_PAGE = 50;

/**
 * Only the last entry of a list ever changes, so that one is of the moment; those before it are read afterwards. What
 * was added meanwhile is of a later rev.
 */
async function decisionLines(
  calls: RedisCalls,
  rolloutId: string,
  count: number,
  last: string,
): Promise<Answer<readonly (ArchiveLine | string)[]>> {
  const entries: string[] = [];
  for (let from = 0; from < count - 1; from += DECISION_PAGE) {
    const to = Math.min(from + DECISION_PAGE, count - 1) - 1;
    const page = await calls.run(Strings, (client, p) => client.lrange(`${p}decisions:${rolloutId}`, from, to));
    if (page.kind !== 'ok') return page;
    entries.push(...page.value.filter((entry) => entry !== last));
  }
  const end = await unpackDecision(last);
  const lines: (ArchiveLine | string)[] = [];
  for (const one of [...(await Promise.all(entries.map(unpackDecision))), end]) {
    if (one.kind === 'bad') lines.push(one.detail);
    else if (end.kind === 'bad' || one.value.rev <= end.value.rev) {
      const { run, looks, rev, text } = one.value;
      const decision = parseJson(text);
      if (decision.kind === 'bad') lines.push(`a decision is ${decision.detail}`);
      else lines.push({ kind: 'decision', rolloutId, run, looks, rev, decision: decision.value });
    }
  }
  return { kind: 'ok', value: lines };
}
