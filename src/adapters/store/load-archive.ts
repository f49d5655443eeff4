import { z } from 'zod';
import type { Schema } from '../../core/model/schema.ts';
import { activePhaseOf } from '../../core/rollout/active-phase.ts';
import type { Unavailable } from '../../engine/ports/store.ts';
import type { ArchiveCell, ArchiveLine, LoadOutcome } from '../../engine/ports/store-archive.ts';
import { auditCommands } from './archive-audit.ts';
import { listedEntry } from './pack-decision.ts';
import { randomName } from './random-name.ts';
import type { RedisCalls } from './redis-calls.ts';
import { scanKeys } from './scan-keys.ts';

/** Commands sent together while a store is filled. */
const LOAD_CHUNK = 200;

export async function loadArchive(
  calls: RedisCalls,
  lines: readonly ArchiveLine[],
  { replace, schema: { version, reader } }: { readonly replace: boolean; readonly schema: Schema },
): Promise<LoadOutcome> {
  const epoch = randomName();
  const freeze = JSON.stringify({ reason: 'import', by: epoch });
  const begun = await calls.run(z.string(), (client, p) => client.serinLoadBegin(p, replace ? '1' : '0', freeze));
  if (begun.kind !== 'ok') return begun;
  if (begun.value === 'not empty') return { kind: 'not empty' };
  const found = await scanKeys(calls);
  if (found.kind !== 'ok') return found;
  const audit = await auditCommands(calls, lines);
  if (audit.kind !== 'ok') return audit;
  // Replicas that run keep the leases by which they know of each other; what people did stays written down.
  const old = found.value.filter((name) => !['frozen', 'audit'].includes(name) && !name.startsWith('ledger'));
  const { prefix } = calls;
  const commands = [
    ...old.map((name) => ['UNLINK', `${prefix}${name}`]),
    ...(await Promise.all(lines.map((line) => commandsOf(prefix, epoch, line)))).flat(),
    ...audit.value.commands,
  ];
  for (let from = 0; from < commands.length; from += LOAD_CHUNK) {
    const words = commands.slice(from, from + LOAD_CHUNK).flatMap((command) => [String(command.length), ...command]);
    const written = await calls.run(z.string(), (client, p) => client.serinLoadWrite(p, freeze, ...words));
    if (written.kind !== 'ok') return written;
    if (written.value !== 'written') return OVERTAKEN;
  }
  const newest = lines.reduce((most, line) => (line.kind === 'record' ? Math.max(most, line.order) : most), 0);
  const ends = [freeze, epoch, String(version), String(reader), String(newest), audit.value.seen];
  const ended = await calls.run(z.string(), (client, p) => client.serinLoadEnd(p, ...ends));
  if (ended.kind !== 'ok') return ended;
  return ended.value === 'done' ? { kind: 'loaded', epoch } : OVERTAKEN;
}

const OVERTAKEN: Unavailable = { kind: 'unavailable', detail: 'another import has begun meanwhile' };

/** What puts one line into Redis. */
async function commandsOf(p: string, epoch: string, line: ArchiveLine): Promise<string[][]> {
  switch (line.kind) {
    case 'record': {
      const { key, rev, order, body, schema } = line;
      const stamp = schema === undefined ? [] : ['schema', schema];
      const indexes = [...key.matchAll(/\//g)].map(({ index }) => key.slice(0, index + 1));
      return [
        ['HSET', `${p}record:${key}`, 'rev', String(rev), 'body', JSON.stringify(body), ...stamp],
        ...indexes.map((index) => ['ZADD', `${p}index:${index}`, String(order), key]),
        ...countOf(p, key, body),
      ];
    }
    case 'fleet': {
      const { fleet, n, owners, trial } = line;
      const key = `${p}traffic:${fleet}`;
      const tried = trial === null ? [] : ['@trialBy', trial.by, '@trial', cellText(trial)];
      return [
        ['HSET', key, '@n', String(n), '@epoch', epoch, ...tried],
        ...owners.map((cell) => ['HSET', key, cell.owner, cellText(cell)]),
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
    // These come at the end, among those that are there.
    case 'audit':
      return [];
    case 'decision': {
      const entry = await listedEntry(line, JSON.stringify(line.decision));
      return [
        ['RPUSH', `${p}decisions:${line.rolloutId}`, entry],
        ['HINCRBY', `${p}decided`, line.rolloutId, String(Buffer.byteLength(entry))],
      ];
    }
  }
}

function cellText({ n, value, schema }: ArchiveCell): string {
  return `${n}${schema === undefined ? '' : `@${schema}`}|${JSON.stringify(value)}`;
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
