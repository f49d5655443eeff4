import { z } from 'zod';
import { type ArchiveLine, MAX_AUDIT_LINES } from '../../engine/ports/store-archive.ts';
import type { Answer, RedisCalls } from './redis-calls.ts';
import { parseJson } from './stored-values.ts';

/** The audit log in a dump and in a load. */

const Entries = z.array(z.tuple([z.string(), z.array(z.string())]));
const PAGE = 1_000;

/** One line as it stands in its stream. */
interface Written {
  readonly id: string;
  readonly text: string;
}

/** Up to the last line of the moment (`''`: there is none), at most as many as a dump may hold. */
export async function auditLines(calls: RedisCalls, last: string): Promise<Answer<readonly (ArchiveLine | string)[]>> {
  const read = await newestLines(calls, last);
  if (read.kind !== 'ok') return read;
  return {
    kind: 'ok',
    value: read.value.map(({ id, text }) => {
      const entry = parseJson(text);
      return entry.kind === 'bad' ? `line ${id} is ${entry.detail}` : { kind: 'audit', id, entry: entry.value };
    }),
  };
}

/**
 * Commands that put the log as it will be beside the one that is there; the end of the load changes them over. `seen`:
 * the last line that was there, `''` for none.
 */
export async function auditCommands(
  calls: RedisCalls,
  lines: readonly ArchiveLine[],
): Promise<Answer<{ readonly commands: readonly string[][]; readonly seen: string }>> {
  const brought = lines.flatMap((line) =>
    line.kind === 'audit' ? [{ id: line.id, text: JSON.stringify(line.entry) }] : [],
  );
  if (brought.length === 0) return { kind: 'ok', value: { commands: [], seen: '' } };
  const own = await newestLines(calls, '+');
  if (own.kind !== 'ok') return own;
  const key = `${calls.prefix}audit:import`;
  const commands = merged(own.value, brought).map(({ id, text }) => ['XADD', key, id, 'e', text]);
  return { kind: 'ok', value: { commands, seen: own.value.at(-1)?.id ?? '' } };
}

/** A line that both logs have stands there once. Ids of a stream ascend, so of two under one id the second moves up. */
export function merged(own: readonly Written[], brought: readonly Written[]): readonly Written[] {
  const all = [...own, ...brought].sort((a, b) => compare(a.id, b.id));
  const result: Written[] = [];
  const known = new Set<string>();
  for (const line of all) {
    const same = `${line.id} ${line.text}`;
    if (known.has(same)) continue;
    known.add(same);
    const before = result.at(-1);
    result.push(before === undefined || compare(before.id, line.id) < 0 ? line : { ...line, id: next(before.id) });
  }
  return result.slice(-MAX_AUDIT_LINES);
}

function parts(id: string): readonly [bigint, bigint] {
  const [ms = '0', seq = '0'] = id.split('-');
  return [BigInt(ms), BigInt(seq)];
}

function compare(a: string, b: string): number {
  const [[msA, seqA], [msB, seqB]] = [parts(a), parts(b)];
  if (msA !== msB) return msA < msB ? -1 : 1;
  return Number(seqA > seqB) - Number(seqA < seqB);
}

function next(id: string): string {
  const [ms, seq] = parts(id);
  return `${ms}-${seq + 1n}`;
}

/** Oldest first. */
async function newestLines(calls: RedisCalls, last: string): Promise<Answer<readonly Written[]>> {
  const lines: Written[] = [];
  let from = last;
  while (from !== '' && lines.length < MAX_AUDIT_LINES) {
    const page = await calls.run(Entries, (client, p) => client.xrevrange(`${p}audit`, from, '-', 'COUNT', PAGE));
    if (page.kind !== 'ok') return page;
    lines.push(...page.value.map(([id, fields]) => ({ id, text: fields[1] ?? '' })));
    const oldest = page.value.at(-1)?.[0];
    from = oldest === undefined || page.value.length < PAGE ? '' : `(${oldest}`;
  }
  return { kind: 'ok', value: lines.slice(0, MAX_AUDIT_LINES).reverse() };
}
