import { z } from 'zod';
import type { AuditEntry } from '../../core/model/audit.ts';
import { StoredTraffic, StoredTrial } from '../../core/model/stored-traffic.ts';
import { isSubject } from '../../core/model/subject.ts';
import type { OwnerTraffic, Trial } from '../../core/model/traffic.ts';
import type { Notice, RolloutEvent } from '../../core/rollout/event.ts';
import { StoredEvent, StoredNotice } from '../../core/rollout/stored-event.ts';
import type { RecordKey } from '../../engine/ports/store.ts';

/**
 * Largest value in the store, bytes of JSON. Documents are capped far below it at the door; a rollout names the Envoys
 * it counts, and a way back must never fail for the size of a fleet (20,000 streams of 64 characters, old and new).
 */
const MAX_VALUE_BYTES = 4 * 1024 * 1024;

/**
 * JSON for the store. Throws a `RangeError` above `MAX_VALUE_BYTES` and for what JSON cannot hold: callers cap
 * their inputs, so either is a bug and must not become a half-stored state.
 */
export function stored(what: string, value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new RangeError(`${what} is not JSON`);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_VALUE_BYTES) {
    throw new RangeError(`${what} takes ${bytes} bytes in the store, ${MAX_VALUE_BYTES} are allowed`);
  }
  return json;
}

const KEY = /^(?:document\/[A-Za-z0-9._-]+|backend|rollout|fence)\/[A-Za-z0-9._~/-]+$/;

/** Keys never carry foreign characters: they are checked here, whoever made them. */
export function requireRecordKey(key: RecordKey): void {
  if (key.length > 200 || !KEY.test(key)) throw new RangeError(`not a record key: ${key.slice(0, 200)}`);
}

export function requireSubject(subject: string): void {
  if (!isSubject(subject)) throw new RangeError(`not a subject: ${subject.slice(0, 200)}`);
}

export function requirePlainName(what: string, name: string): void {
  if (!/^[A-Za-z0-9._~/-]{1,200}$/.test(name)) throw new RangeError(`not a ${what}: ${name.slice(0, 200)}`);
}

/** A moment as a score of the due set: whole milliseconds, never earlier than asked for. */
export function scoreMs(atMs: number): string {
  if (!Number.isFinite(atMs)) throw new RangeError(`not a moment: ${atMs}`);
  return String(Math.ceil(atMs));
}

export type Parsed<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'bad'; readonly detail: string };

export function parseJson(text: string): Parsed<unknown> {
  try {
    return { kind: 'ok', value: JSON.parse(text) };
  } catch {
    return { kind: 'bad', detail: 'not JSON' };
  }
}

function parseAs<T>(shape: z.ZodType, text: string): Parsed<T> {
  const json = parseJson(text);
  if (json.kind === 'bad') return json;
  const checked = shape.safeParse(json.value);
  if (checked.success) return { kind: 'ok', value: checked.data as T };
  const issue = checked.error.issues[0];
  return { kind: 'bad', detail: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown shape'}` };
}

const StoredAuditEntry = z.looseObject({
  id: z.string(),
  stage: z.enum(['asked', 'answered']),
  atMs: z.number(),
  by: z.string(),
  command: z.string(),
  target: z.string(),
  detail: z.string(),
  result: z.string().nullable(),
});

export const parseAuditEntry = (text: string): Parsed<AuditEntry> => parseAs<AuditEntry>(StoredAuditEntry, text);
export const parseNotice = (text: string): Parsed<Notice> => parseAs<Notice>(StoredNotice, text);
export const parseEvent = (text: string): Parsed<RolloutEvent> => parseAs<RolloutEvent>(StoredEvent, text);

/** One owner of a traffic table, stored as `<n>|<json>`. */
export function parseOwner(text: string): Parsed<{ readonly n: number; readonly value: OwnerTraffic }> {
  const n = parseRevision(text);
  if (n === null) return { kind: 'bad', detail: 'no fleet revision before the value' };
  const value = parseAs<OwnerTraffic>(StoredTraffic, text.slice(text.indexOf('|') + 1));
  return value.kind === 'bad' ? value : { kind: 'ok', value: { n, value: value.value } };
}

/** A fleet's trial, stored as `<n>|<json>`. */
export function parseTrial(text: string): Parsed<Trial & { readonly n: number }> {
  const n = parseRevision(text);
  if (n === null) return { kind: 'bad', detail: 'no fleet revision before the trial' };
  const trial = parseAs<Trial>(StoredTrial, text.slice(text.indexOf('|') + 1));
  return trial.kind === 'bad' ? trial : { kind: 'ok', value: { ...trial.value, n } };
}

/** The fleet revision in front of a cell, `<n>|<json>`; `null`: there is none. */
export function parseRevision(text: string): number | null {
  return parseCount(text.slice(0, Math.max(0, text.indexOf('|'))));
}

/** A rev or fleet revision: digits only; anything else is `null`. */
export function parseCount(text: string): number | null {
  if (!/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}
