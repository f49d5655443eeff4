import { z } from 'zod';
import { oncePer } from '../model/once-per.ts';
import type { LedgerStream, StreamIdentity, StreamProgress, TypeProgress } from './ledger-stream.ts';
import { refusalTexts } from './refusal-texts.ts';

/** Streams per part of the membership: a reconnect rewrites one part, not the list of the whole fleet. */
export const CHUNK = 128;
/** More slots than one replica may hold streams. */
const MAX_SLOT = 65_536;
const MAX_GROUPS = 20_000;
const MAX_TEXT = 512;
const MAX_TEXTS = 1_000;

const Time = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const Text = z.string().max(MAX_TEXT);
const Type = z.enum(['cluster', 'endpoint', 'listener', 'route', 'runtime']);
const At = z.tuple([Text, z.number().int().min(0)]).transform(([epoch, n]) => ({ epoch, n }));

const Identity = z
  .tuple([Text.min(1), Time, Type.nullable(), z.enum(['sotw', 'delta']), Text.nullable(), Text.nullable()])
  .transform(
    ([nodeId, openedAtMs, only, protocol, metricsName, envoyVersion]): StreamIdentity => ({
      nodeId,
      openedAtMs,
      only,
      protocol,
      metricsName,
      envoyVersion,
    }),
  );
export const Chunk = z.array(Identity.nullable()).max(CHUNK);

/** What one progress says; words of refusals are references to texts, or (from engines of before) the words. */
export function progressGrammar(texts: readonly string[]) {
  const Words = Text.or(
    z.number().transform((reference, context) => {
      const text = texts[reference];
      if (text === undefined) context.addIssue(`there is no text ${reference}`);
      return text ?? z.NEVER;
    }),
  );
  const Nack = z
    .tuple([At, Text, Text.nullable(), Words, Time])
    .transform(([position, version, trial, message, atMs]) => ({ position, version, trial, message, atMs }));
  const OneType = z
    .tuple([Type, Text.nullable(), Text.nullable(), Nack.nullable()])
    .transform(([type, sent, acked, nack]): TypeProgress => ({ type, sent, acked, nack }));
  const Group = z.tuple([
    z
      .tuple([At.nullable(), z.boolean(), z.boolean(), At.nullable(), Time, z.array(OneType).max(Type.options.length)])
      .transform(
        ([position, counts, routes, routesAt, creditedAtMs, types]): StreamProgress => ({
          position,
          counts,
          routes,
          routesAt,
          creditedAtMs,
          types,
        }),
      ),
    // First slot and number of slots, in turns.
    z.array(z.number().int().min(0).max(MAX_SLOT)).max(2 * MAX_SLOT),
  ]);
  return z.array(Group).max(MAX_GROUPS);
}
const WithoutTexts = progressGrammar([]);
const Written = z.union([z.array(z.unknown()), z.object({ texts: z.array(Text).max(MAX_TEXTS), groups: z.unknown() })]);

type Decoded<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'bad'; readonly detail: string };

/** Who is in the slots of one part: everything about them that lasts as long as their streams. */
export function encodeChunk(streams: ReadonlyMap<number, LedgerStream>, chunk: number): string {
  const rows: unknown[] = [];
  for (let i = 0; i < CHUNK; i += 1) {
    const one = streams.get(chunk * CHUNK + i)?.identity;
    if (one === undefined) rows.push(null);
    else rows.push([one.nodeId, one.openedAtMs, one.only, one.protocol, one.metricsName, one.envoyVersion]);
  }
  while (rows.at(-1) === null) rows.pop();
  return JSON.stringify(rows);
}

export function decodeChunk(text: string, chunk: number): Decoded<ReadonlyMap<number, StreamIdentity>> {
  const rows = decode(Chunk, text);
  if (rows.kind === 'bad') return rows;
  const slots = rows.value.flatMap((row, i) => (row === null ? [] : [[chunk * CHUNK + i, row] as const]));
  return { kind: 'ok', value: new Map(slots) };
}

interface Grouped {
  readonly first: StreamProgress;
  creditedAtMs: number;
  readonly nackedAtMs: number[];
  readonly ranges: number[];
}

/** All that it says but times and the words of refusals. */
const keyOf = oncePer((progress: StreamProgress) => JSON.stringify(rowOf(progress, 0, [], () => 0)));

/** Are two streams equally far, whenever they got there? */
export function equallyFar(a: StreamProgress, b: StreamProgress): boolean {
  if (a === b) return true;
  return keyOf(a) === keyOf(b) && a.types.every(({ nack }, i) => nack?.message === b.types[i]?.nack?.message);
}

/** Streams that are equally far are one group; of its times the latest stands for all. */
export function encodeProgress(streams: ReadonlyMap<number, LedgerStream>): string {
  const groups = new Map<string, Grouped>();
  const texts = refusalTexts();
  for (const slot of [...streams.keys()].sort((a, b) => a - b)) {
    const progress = streams.get(slot)?.progress;
    if (progress === undefined) continue;
    const words = progress.types.map(({ nack }) => (nack === null ? '' : texts.refer(nack.message)));
    const key = `${words.join()} ${keyOf(progress)}`;
    const group = groups.get(key) ?? { first: progress, creditedAtMs: 0, nackedAtMs: [], ranges: [] };
    groups.set(key, group);
    group.creditedAtMs = Math.max(group.creditedAtMs, progress.creditedAtMs);
    progress.types.forEach(({ nack }, i) => {
      group.nackedAtMs[i] = Math.max(group.nackedAtMs[i] ?? 0, nack?.atMs ?? 0);
    });
    const [from = -1, length = 0] = group.ranges.slice(-2);
    if (from + length === slot) group.ranges[group.ranges.length - 1] = length + 1;
    else group.ranges.push(slot, 1);
  }
  const rows = [...groups.values()].map((group) => [
    rowOf(group.first, group.creditedAtMs, group.nackedAtMs, texts.refer),
    group.ranges,
  ]);
  return JSON.stringify(texts.empty() ? rows : { texts: texts.all(), groups: rows });
}

export function decodeProgress(text: string): Decoded<ReadonlyMap<number, StreamProgress>> {
  const written = decode(Written, text);
  if (written.kind === 'bad') return written;
  const [texts, rows] = Array.isArray(written.value)
    ? [null, written.value]
    : [written.value.texts, written.value.groups];
  const groups = checked(texts === null ? WithoutTexts : progressGrammar(texts), rows);
  if (groups.kind === 'bad') return groups;
  const slots = new Map<number, StreamProgress>();
  for (const [progress, ranges] of groups.value) {
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      const [from = 0, length = 0] = ranges.slice(i, i + 2);
      for (let slot = from; slot < from + length; slot += 1) {
        // Each slot once: else a short text could cost much.
        if (slot >= MAX_SLOT || slots.has(slot)) return { kind: 'bad', detail: `slot ${slot} out of place` };
        slots.set(slot, progress);
      }
    }
  }
  return { kind: 'ok', value: slots };
}

function rowOf(
  progress: StreamProgress,
  creditedAtMs: number,
  nackedAtMs: readonly number[],
  refer: (message: string) => number,
): unknown {
  const { position, counts, routes, routesAt, types } = progress;
  const at = (one: StreamProgress['position']) => (one === null ? null : [one.epoch, one.n]);
  const rows = types.map(({ type, sent, acked, nack }, i) => {
    const refused =
      nack === null ? null : [at(nack.position), nack.version, nack.trial, refer(nack.message), nackedAtMs[i] ?? 0];
    return [type, sent, acked, refused];
  });
  return [at(position), counts, routes, at(routesAt), creditedAtMs, rows];
}

function decode<T>(shape: z.ZodType<T>, text: string): Decoded<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { kind: 'bad', detail: 'not JSON' };
  }
  return checked(shape, json);
}

function checked<T>(shape: z.ZodType<T>, json: unknown): Decoded<T> {
  const parsed = shape.safeParse(json);
  if (parsed.success) return { kind: 'ok', value: parsed.data };
  const issue = parsed.error.issues[0];
  return { kind: 'bad', detail: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'does not fit'}` };
}
