import { contentHash, type KeptCommit } from '../../core/chain/kept-commit.ts';
import type { Shapes } from '../../core/model/schema.ts';
import type { Commit, RecordKey } from '../../engine/ports/store.ts';
import { joined } from './kept-commits.ts';
import { type PackedDecision, packDecisions } from './pack-decision.ts';
import { randomName } from './random-name.ts';
import { cellTag, requirePlainName, requireRecordKey, requireSubject, scoreMs, stored } from './stored-values.ts';
import type { Witness } from './witness.ts';

/** So long a deleted record's rev is remembered: one made anew under its key must not answer to an old rev. */
const TOMBSTONE_MS = 24 * 3_600_000;

/** The end of a freeze by a commit of its own. */
interface Reconciling {
  /** As it stands in Redis. */
  readonly frozen: string;
  readonly tables: readonly { readonly fleet: string; readonly n: number }[];
}

/** What is written again under a freeze, with what the store had added to it. */
interface Again {
  readonly frozen: string;
  readonly commit: KeptCommit;
  readonly eventIds: readonly string[];
  readonly revs: readonly string[];
}

/** A commit of this process, as the script takes it. */
export async function prepared(
  commit: Commit,
  witness: Pick<Witness, 'args'>,
  shapes: Shapes,
  more: { readonly reconciled?: Reconciling } = {},
): Promise<{ readonly nonce: string; readonly content: Uint8Array; readonly args: readonly string[] }> {
  const packed = await packDecisions(commit.decisions ?? []);
  const [nonce, words] = [randomName(), commitWords(commit, shapes, packed)];
  const content = joined(words);
  return { nonce, content, args: [...commitHead(nonce, content, witness.args(), shapes, more), ...words] };
}

/** The first arguments of the script: who commits, and on what condition. The rest is what to write, `content` in words. */
export function commitHead(
  nonce: string,
  content: Uint8Array,
  witness: readonly string[],
  shapes: Shapes,
  more: { readonly reconciled?: Reconciling; readonly again?: Again },
): string[] {
  const { reconciled, again } = more;
  const mode = again === undefined ? (reconciled === undefined ? '' : 'reconcile') : 'replay';
  const { n, prev, atUs, hash, epoch } = again?.commit ?? {};
  return [
    ...[nonce, String(TOMBSTONE_MS), String(shapes.schema.version), contentHash(content), ...witness],
    ...[mode, again?.frozen ?? reconciled?.frozen ?? ''],
    ...(again === undefined ? [] : table([[String(n), prev, atUs, hash, epoch]], (row) => row.map(String))),
    ...table(reconciled?.tables ?? [], ({ fleet, n: seen }) => [fleet, String(seen)]),
    ...table(again?.eventIds ?? [], (id) => [id]),
    ...table(again?.revs ?? [], (rev) => [rev]),
  ];
}

/** What to write, as the script takes it. Throws a `RangeError` for what only a bug of the caller can produce. */
export function commitWords(commit: Commit, shapes: Shapes, packed: readonly PackedDecision[]): string[] {
  refuseBugs(commit);
  return [
    ...table(commit.reads, (read) => [read.key, String(read.rev)]),
    ...table(commit.writes, ({ key, body }) =>
      body === null ? [key, 'delete', '', ''] : [key, 'set', stored(key, body), shapes.stamp(key, body)],
    ),
    ...table(commit.events, (event) => [event.rolloutId, stored(`an event of ${event.rolloutId}`, event)]),
    ...table(commit.outbox, ({ queue, notice }) => [queue, `${notice.id}\n${stored(`a notice of ${queue}`, notice)}`]),
    ...table(commit.due, ({ subject, atMs }) => [subject, atMs === null ? '' : scoreMs(atMs)]),
    ...table(commit.traffic, ({ fleet, owner, value, beside = false }) => [
      fleet,
      owner,
      value === null ? '' : stored(owner, value),
      // In one word with the tag: rows as wide as ever, so that commits which were kept before can be written again.
      `${beside ? 'beside' : ''}${cellTag(`traffic/${owner}`, value, shapes)}`,
    ]),
    ...table(commit.trials, ({ fleet, by, trial, mustStand = false }) => [
      fleet,
      by,
      trial === null ? '' : stored(`a trial of ${by}`, { ...trial, by }),
      mustStand ? 'must stand' : '',
      cellTag(`trial/${by}`, trial, shapes),
    ]),
    ...table(commit.active, ({ rolloutId, phase, evidenceAtMs, blind }) => [
      rolloutId,
      phase ?? '',
      evidenceAtMs === null ? '' : scoreMs(evidenceAtMs),
      blind ? 'blind' : '',
    ]),
    ...table(packed, ({ rolloutId, run, rev, packed: text }) => [rolloutId, run, String(rev), text]),
  ];
}

function table<T>(rows: readonly T[], encode: (row: T) => string[]): string[] {
  return [String(rows.length), ...rows.flatMap(encode)];
}

function refuseBugs(commit: Commit): void {
  const read = new Set<RecordKey>(commit.reads.map(({ key }) => key));
  const written = new Set<RecordKey>();
  for (const { key } of commit.reads) requireRecordKey(key);
  for (const { key } of commit.writes) {
    if (!read.has(key)) throw new RangeError(`the write of ${key} has no read: its rev would go unchecked`);
    if (written.has(key)) throw new RangeError(`${key} is written twice in one commit`);
    written.add(key);
  }
  for (const { subject } of commit.due) requireSubject(subject);
  for (const { rolloutId } of commit.events) requirePlainName('rollout id', rolloutId);
  for (const { rolloutId } of commit.decisions ?? []) requirePlainName('rollout id', rolloutId);
  for (const { rolloutId } of commit.active) requirePlainName('rollout id', rolloutId);
  for (const { fleet, owner } of commit.traffic) {
    requirePlainName('fleet', fleet);
    if (owner.startsWith('@')) throw new RangeError(`${owner} is not a traffic owner`);
  }
  for (const { fleet, by } of commit.trials) {
    requirePlainName('fleet', fleet);
    requirePlainName('trial', by);
  }
  for (const { queue, notice } of commit.outbox) {
    requireSubject(`outbox/${queue}`);
    if (!/^\P{Cc}+$/u.test(notice.id)) throw new RangeError('a notice id must be one non-empty line');
  }
}
