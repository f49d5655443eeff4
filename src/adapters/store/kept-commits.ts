import { z } from 'zod';
import type { Touched } from '../../core/chain/first-conflict.ts';
import type { KeptCommit } from '../../core/chain/kept-commit.ts';
import { type Parsed, parseCount } from './stored-values.ts';

/** Between the words of a commit: no name has it, and JSON writes it as an escape. */
const SEPARATOR = '\x1e';

/** How many fields the rows of a commit have, in the order in which the script takes them. */
const READ = 2;
const WRITE = 4;
const EVENT = 2;

export const joined = (words: readonly string[]): Buffer => Buffer.from(words.join(SEPARATOR));

/** An entry of the stream `tail`: what it says of itself in one word, and what was to be written. */
const Fields = z.tuple([z.unknown(), z.instanceof(Buffer), z.unknown(), z.instanceof(Buffer)]);
export const TailEntries = z
  .array(z.tuple([z.unknown(), z.array(z.tuple([z.instanceof(Buffer), Fields]))]))
  .max(1)
  .nullable();
type TailEntry = readonly [Buffer, z.infer<typeof Fields>];

/** `null`: not one that Serin wrote. */
export function linkOf([id, [, meta]]: TailEntry): Omit<KeptCommit, 'content'> | null {
  const n = parseCount(id.toString('latin1').replace(/-0$/, ''));
  const [epoch = '', prev = '', hash = '', nonce = '', atUs = '', ...outcome] = meta.toString('utf8').split(' ');
  if (n === null || hash === '' || outcome.length === 0) return null;
  return { epoch, n, prev, hash, nonce, atUs, outcome: outcome.join(' ') };
}

/** A copy, so that what came with it from the socket is not kept. */
export function contentOf([, [, , , content]]: TailEntry): Uint8Array {
  return new Uint8Array(content);
}

/** What this process has just committed, as others will read it; `null`: it made no history. */
export function ownCommit(content: Uint8Array, nonce: string, reply: readonly string[]): KeptCommit | null {
  const [kind, epoch = '', count = '', hash = '', prev = '', atUs = '', outcome = ''] = reply;
  const n = parseCount(count);
  if (kind !== 'committed' || atUs === '' || n === null) return null;
  return { epoch, n, prev, hash, nonce, atUs, outcome, content: new Uint8Array(content) };
}

/** What was to be written, as the script takes it. */
export function wordsOf(content: Uint8Array): readonly string[] {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8').split(SEPARATOR);
}

/** What the store had added by itself. */
export function outcomeOf({ outcome }: KeptCommit): {
  readonly revs: readonly string[];
  readonly eventIds: readonly string[];
} {
  const [revs = [], eventIds = []] = outcome.split('|').map((part) => part.split(' ').filter((word) => word !== ''));
  return { revs, eventIds };
}

/** Records that it read and wrote, and events that it told. */
export function touchedBy(commit: KeptCommit): Parsed<Touched> {
  const words = wordsOf(commit.content);
  const { revs, eventIds } = outcomeOf(commit);
  const readCount = parseCount(words[0] ?? '');
  if (readCount === null) return BAD;
  const at = 1 + readCount * READ;
  const writeCount = parseCount(words[at] ?? '');
  if (writeCount === null || writeCount !== revs.length) return BAD;
  const eventsAt = at + 1 + writeCount * WRITE;
  const eventCount = parseCount(words[eventsAt] ?? '');
  if (eventCount === null || eventCount !== eventIds.length) return BAD;
  const rows = (from: number, count: number, width: number) =>
    Array.from({ length: count }, (_, i) => words.slice(from + i * width, from + (i + 1) * width));
  const reads = rows(1, readCount, READ).map(([key = '', rev = '']) => ({ key, rev: Number(rev) }));
  const writes = rows(at + 1, writeCount, WRITE).map(([key = ''], i) => ({ key, rev: Number(revs[i]) }));
  const events = rows(eventsAt + 1, eventCount, EVENT).map(([rolloutId = ''], i) => ({
    rolloutId,
    id: eventIds[i] ?? '',
  }));
  return { kind: 'ok', value: { reads, writes, events } };
}

const BAD: Parsed<never> = { kind: 'bad', detail: 'not what Serin wrote' };
