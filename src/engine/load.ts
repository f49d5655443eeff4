import type { z } from 'zod';
import type { BackendState } from '../core/model/backend-state.ts';
import type { DocumentKind } from '../core/model/documents.ts';
import { type ErrorCode, fail, ok, type Result, type SerinError } from '../core/model/errors.ts';
import { BackendStateRecord, DocumentRecord, type KeptDocument } from '../core/model/stored.ts';
import { type Breaker, BreakerRecord } from '../core/rollout/breaker.ts';
import { type Judgement, JudgementRecord } from '../core/rollout/judgement.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { RolloutRecord } from '../core/rollout/rollout-record.ts';
import type { Commit, RecordKey, RecordStore, StoredRecord, StoreRead, Unavailable } from './ports/store.ts';

/** A record with the rev it was read at; `body: null` when it does not exist (rev 0). */
export interface Loaded<T> {
  readonly key: RecordKey;
  readonly rev: number;
  readonly body: T | null;
}

/** One that is there. */
export type Held<T> = Loaded<T> & { readonly body: T };

export const documentKey = (kind: DocumentKind, name: string): RecordKey => `document/${kind}/${name}`;
export const backendKey = (backend: string): RecordKey => `backend/${backend}`;
/**
 * Every change of documents reads it first and writes it: of two that were checked against the same documents, one
 * loses its race and is checked again. Else two could claim one hostname, or one delete what the other names.
 */
export const DOCUMENTS_FENCE: RecordKey = 'fence/documents';
export const verdictsKey = (id: string): RecordKey => `verdicts/${id}`;
export const judgementKey = (id: string): RecordKey => `judge/${id}`;
const BREAKER_KEY: RecordKey = 'breaker/evidence';
export const rolloutKey = (id: string): RecordKey => `rollout/${id}`;

/** A store answer as a result: outages and corrupt records become errors that people can read. */
export function fromStore<T>(read: StoreRead<T>): Result<T> {
  switch (read.kind) {
    case 'ok':
      return ok(read.value);
    case 'unavailable':
      return storeUnavailable(read);
    case 'corrupt':
      return corrupt(read.key, read.detail);
  }
}

export function storeUnavailable({ detail, frozen, newer }: Pick<Unavailable, 'detail' | 'frozen' | 'newer'>): {
  readonly kind: 'error';
  readonly errors: readonly SerinError[];
} {
  if (newer === true) return fail('SERIN_SCHEMA_NEWER', detail);
  if (frozen === true) return fail('SERIN_STORE_REGRESSED', `the store is frozen: ${detail}`);
  return fail('SERIN_STORE_UNAVAILABLE', `the store does not answer: ${detail}`);
}

export async function loadRollout(records: RecordStore, id: string): Promise<Result<Loaded<Rollout>>> {
  return loadOne(records, rolloutKey(id), RolloutRecord);
}

/** What a backend names. `null`: it names none, or one that is not there. */
export async function loadNamed(
  records: RecordStore,
  id: string | null | undefined,
): Promise<Result<Held<Rollout> | null>> {
  if (id == null) return ok(null);
  const loaded = await loadRollout(records, id);
  if (loaded.kind === 'error') return loaded;
  const { body } = loaded.value;
  return ok(body === null ? null : { ...loaded.value, body });
}

export async function loadBackend(records: RecordStore, backend: string): Promise<Result<Loaded<BackendState>>> {
  return loadOne(records, backendKey(backend), BackendStateRecord);
}

/** The state of every other backend of a joint rollout, in its order. */
export async function loadOthers(
  records: RecordStore,
  { id, joint }: Pick<Rollout, 'id' | 'joint'>,
): Promise<Result<readonly Held<BackendState>[]>> {
  const others: Held<BackendState>[] = [];
  for (const { backend } of joint?.others ?? []) {
    const loaded = await loadBackend(records, backend);
    if (loaded.kind === 'error') return loaded;
    const { key, rev, body } = loaded.value;
    if (body === null) return fail('SERIN_INTERNAL', `backend ${backend} of rollout ${id} has no state`);
    others.push({ key, rev, body });
  }
  return ok(others);
}

/** Left out where there are none: what is made from it is that of a rollout of one backend then. */
export function bodiesOf<T>(others: readonly Held<T>[]): { readonly others?: readonly T[] } {
  return others.length === 0 ? {} : { others: others.map(({ body }) => body) };
}

export function revsOf(others: readonly Held<unknown>[]): { readonly others?: readonly number[] } {
  return others.length === 0 ? {} : { others: others.map(({ rev }) => rev) };
}

export async function loadDocument(
  records: RecordStore,
  kind: DocumentKind,
  name: string,
): Promise<Result<Loaded<KeptDocument>>> {
  return loadOne(records, documentKey(kind, name), DocumentRecord);
}

/** The rev of the documents' fence. To be read before the documents: what is read later cannot be older. */
export async function documentsFence(records: RecordStore): Promise<Result<Commit['reads'][number]>> {
  const read = fromStore(await records.read([DOCUMENTS_FENCE]));
  return read.kind === 'error' ? read : ok({ key: DOCUMENTS_FENCE, rev: read.value[0]?.rev ?? 0 });
}

/** Reads a whole kind, page by page. Bounded: an installation with more is beyond what one commit may check. */
export async function loadAll<T>(
  records: RecordStore,
  prefix: string,
  schema: z.ZodType<T>,
  max = 10_000,
): Promise<Result<readonly Held<T>[]>> {
  const all: Held<T>[] = [];
  let cursor: string | null = null;
  do {
    const page: Result<{ records: readonly StoredRecord[]; cursor: string | null }> = fromStore(
      await records.list(prefix, { limit: 500, cursor }),
    );
    if (page.kind === 'error') return page;
    for (const record of page.value.records) {
      const parsed = parse(record, schema);
      if (parsed.kind === 'error') return parsed;
      if (parsed.value.body !== null) all.push({ ...parsed.value, body: parsed.value.body });
    }
    cursor = page.value.cursor;
  } while (cursor !== null && all.length < max);
  return ok(all);
}

export function parse<T>(record: StoredRecord, schema: z.ZodType<T>): Result<Loaded<T>> {
  const { key, rev } = record;
  if (rev === 0 || record.body === null) return ok({ key, rev, body: null });
  const parsed = schema.safeParse(record.body);
  if (parsed.success) return ok({ key, rev, body: parsed.data });
  const issue = parsed.error.issues[0];
  return corrupt(key, issue === undefined ? 'does not fit' : `${issue.path.join('.')}: ${issue.message}`);
}

/** A rollout and what its judge remembers, and in the same read the backend that is likely its own; `null`: none was named. */
export async function loadRolloutWith(
  records: RecordStore,
  id: string,
  likely: string | null,
): Promise<Result<LoadedRollout>> {
  const keys = [rolloutKey(id), judgementKey(id), BREAKER_KEY, ...(likely === null ? [] : [backendKey(likely)])];
  const read = fromStore(await records.read(keys));
  if (read.kind === 'error') return read;
  const [first = { key: rolloutKey(id), rev: 0, body: null }, memory, breaker, second] = read.value;
  const rollout = parse(first, RolloutRecord);
  if (rollout.kind === 'error') return rollout;
  // A memory that cannot be read is none: it must not keep anybody from going back.
  const judgement = JudgementRecord.safeParse(memory?.body);
  return ok({
    rollout: rollout.value,
    judgement: { key: judgementKey(id), rev: memory?.rev ?? 0, body: judgement.success ? judgement.data : null },
    breaker: readBreaker(breaker),
    backend: second === undefined ? null : parse(second, BackendStateRecord),
  });
}

/** Closed where there is none, or none that can be read: holding everybody needs a reason. */
function readBreaker(record: StoredRecord | undefined): Loaded<Breaker> {
  const read = BreakerRecord.safeParse(record?.body);
  return { key: BREAKER_KEY, rev: record?.rev ?? 0, body: read.success ? read.data : null };
}

interface LoadedRollout {
  readonly rollout: Loaded<Rollout>;
  readonly judgement: Loaded<Judgement>;
  /** Of the whole installation. */
  readonly breaker: Loaded<Breaker>;
  readonly backend: Result<Loaded<BackendState>> | null;
}

async function loadOne<T>(records: RecordStore, key: RecordKey, schema: z.ZodType<T>): Promise<Result<Loaded<T>>> {
  const read = fromStore(await records.read([key]));
  if (read.kind === 'error') return read;
  const record = read.value[0] ?? { key, rev: 0, body: null };
  return parse(record, schema);
}

function corrupt(key: string, detail: string): { readonly kind: 'error'; readonly errors: readonly SerinError[] } {
  const code: ErrorCode = 'SERIN_INTERNAL';
  return fail(code, `record ${key} cannot be read: ${detail}`, {
    hint: 'The record was changed by something else than Serin; restore it or delete it by hand.',
  });
}
