import type { z } from 'zod';
import { MAX_RECENT_BYTES } from '../../core/analysis/verdict-series.ts';
import { type AuditEntry, StoredAuditEntry } from '../../core/model/audit.ts';
import { MAX_JOINT_BACKENDS } from '../../core/model/joint-spec.ts';
import { parseStamp, type Shapes, type Stamp } from '../../core/model/schema.ts';
import { StoredTraffic, StoredTrial } from '../../core/model/stored-traffic.ts';
import { isSubject } from '../../core/model/subject.ts';
import type { OwnerTraffic, Trial } from '../../core/model/traffic.ts';
import type { Notice, RolloutEvent } from '../../core/rollout/event.ts';
import { type Judgement, MAX_JUDGEMENT_BYTES } from '../../core/rollout/judgement.ts';
import { StoredEvent, StoredNotice } from '../../core/rollout/stored-event.ts';
import type { RecordKey } from '../../engine/ports/store.ts';

/**
 * Largest value in the store, bytes of JSON. Documents are capped far below it at the door; a rollout names the Envoys
 * it counts, and a way back must never fail for the size of a fleet (20,000 streams of 64 characters, old and new).
 */
const MAX_VALUE_BYTES = 4 * 1024 * 1024;

/** `,"recent":` */
const RECENT_NAME_BYTES = 10;

/**
 * JSON for the store. Throws a `RangeError` for what is too large and for what JSON cannot hold: callers cap
 * their inputs, so either is a bug and must not become a half-stored state.
 */
export function stored(what: string, value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new RangeError(`${what} is not JSON`);
  const bytes = Buffer.byteLength(json);
  const allowed = what.startsWith('judge/') ? allowedFor(value as Partial<Judgement>) : MAX_VALUE_BYTES;
  if (bytes > allowed) throw new RangeError(`${what} takes ${bytes} bytes in the store, ${allowed} are allowed`);
  return json;
}

/** A judgement may be about one backend or several, with its last looks or without them. */
function allowedFor({ others, recent }: Partial<Judgement>): number {
  const backends = others === undefined ? 1 : MAX_JOINT_BACKENDS;
  return MAX_JUDGEMENT_BYTES * backends + (recent === undefined ? 0 : MAX_RECENT_BYTES + RECENT_NAME_BYTES);
}

const KEY = /^(?:document\/[A-Za-z0-9._-]+|backend|rollout|judge|verdicts|breaker|fence)\/[A-Za-z0-9._~/-]+$/;

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
  return json.kind === 'bad' ? json : checked(shape, json.value);
}

function checked<T>(shape: z.ZodType, value: unknown): Parsed<T> {
  const parsed = shape.safeParse(value);
  if (parsed.success) return { kind: 'ok', value: parsed.data as T };
  const issue = parsed.error.issues[0];
  return { kind: 'bad', detail: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown shape'}` };
}

export const parseAuditEntry = (text: string): Parsed<AuditEntry> => parseAs<AuditEntry>(StoredAuditEntry, text);
export const parseNotice = (text: string): Parsed<Notice> => parseAs<Notice>(StoredNotice, text);
export const parseEvent = (text: string): Parsed<RolloutEvent> => parseAs<RolloutEvent>(StoredEvent, text);

/** One owner of a traffic table. */
export function parseOwner(
  owner: string,
  text: string,
  shapes: Shapes,
): Parsed<{ readonly n: number; readonly value: OwnerTraffic }> {
  const cell = parseCell(text);
  if (cell.kind === 'bad') return cell;
  const forward = shapes.migrate(`traffic/${owner}`, cell.value.value, cell.value.stamp.version);
  const value = checked<OwnerTraffic>(StoredTraffic, forward);
  return value.kind === 'bad' ? value : { kind: 'ok', value: { n: cell.value.n, value: value.value } };
}

/** A fleet's trial. */
export function parseTrial(text: string, shapes: Shapes): Parsed<Trial & { readonly n: number }> {
  const cell = parseCell(text);
  if (cell.kind === 'bad') return cell;
  const { value, stamp } = cell.value;
  // Whose it is has always stood in it, so no migration can be what names it.
  const by = typeof value === 'object' && value !== null && 'by' in value ? String(value.by) : '';
  const trial = checked<Trial>(StoredTrial, shapes.migrate(`trial/${by}`, value, stamp.version));
  return trial.kind === 'bad' ? trial : { kind: 'ok', value: { ...trial.value, n: cell.value.n } };
}

/** What stands in front of a cell of a table: the fleet revision, and of which version it is, also as it is written. */
interface CellHead {
  readonly n: number;
  readonly stamp: Stamp;
  readonly text: string;
}

/** One cell of a table, whatever its value is. */
export function parseCell(text: string): Parsed<CellHead & { readonly value: unknown }> {
  const head = parseCellHead(text);
  if (head === null) return { kind: 'bad', detail: 'no fleet revision before the value' };
  const json = parseJson(text.slice(text.indexOf('|') + 1));
  if (json.kind === 'bad') return json;
  return { kind: 'ok', value: { ...head, value: json.value } };
}

/** Of `<n>|<json>` or `<n>@<stamp>|<json>`; `null`: it is none. */
export function parseCellHead(text: string): CellHead | null {
  const [number = '', stamped = '', ...rest] = text.slice(0, Math.max(0, text.indexOf('|'))).split('@');
  const [n, stamp] = [parseCount(number), parseStamp(stamped)];
  return n === null || stamp === null || rest.length > 0 ? null : { n, stamp, text: stamped };
}

/** What stands between the fleet revision and the value of a cell. */
export function cellTag(key: string, value: unknown, shapes: Shapes): string {
  const stamp = shapes.cellStamp(key, value);
  return stamp === '' ? '' : `@${stamp}`;
}

/** A rev or fleet revision: digits only; anything else is `null`. */
export function parseCount(text: string): number | null {
  if (!/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}
