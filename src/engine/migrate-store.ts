import { fail, ok, type Result } from '../core/model/errors.ts';
import { canWorkWith, migrate, SCHEMA } from '../core/model/schema.ts';
import { fromStore, storeUnavailable } from './load.ts';
import type { Logger } from './ports/logger.ts';
import type { RecordStore, StoredRecord } from './ports/store.ts';
import type { StoreArchive } from './ports/store-archive.ts';
import { EMPTY_COMMIT } from './publish.ts';

const FAMILIES = ['document/', 'backend/', 'rollout/'] as const;
const MAX_RACES = 20;

/**
 * Before an engine acts: is the store of a version that it understands? Older records are brought forward, one commit
 * each, while replicas of the version before go on; a start that is cut off goes on with the rest next time.
 */
export async function migrateStore(
  { records, archive }: { readonly records: RecordStore; readonly archive: StoreArchive },
  logger: Logger,
): Promise<Result<'ready'>> {
  const schema = fromStore(await archive.schema());
  if (schema.kind === 'error') return schema;
  if (!canWorkWith(schema.value)) {
    const { version, reader } = schema.value;
    const message = `the store is of schema version ${version}; this Serin is of ${SCHEMA.version}, and ${reader} is the oldest that can work with it`;
    return fail('SERIN_SCHEMA_NEWER', message);
  }
  if (schema.value.version >= SCHEMA.version) return ok('ready');
  let moved = 0;
  for (const family of FAMILIES) {
    let cursor: string | null = null;
    do {
      const page: Result<{ records: readonly StoredRecord[]; cursor: string | null }> = fromStore(
        await records.list(family, { limit: 500, cursor }),
      );
      if (page.kind === 'error') return page;
      for (const record of page.value.records) {
        const outcome = await forward(records, record, schema.value.version);
        if (outcome.kind === 'error') return outcome;
        if (outcome.value === 'moved') moved += 1;
      }
      cursor = page.value.cursor;
    } while (cursor !== null);
  }
  const raised = fromStore(await archive.raiseSchema(SCHEMA));
  if (raised.kind === 'error') return raised;
  if (moved > 0) logger.info('records brought to the present schema', { records: moved, version: SCHEMA.version });
  return ok('ready');
}

async function forward(records: RecordStore, first: StoredRecord, from: number): Promise<Result<'moved' | 'same'>> {
  let record = first;
  for (let race = 0; race < MAX_RACES; race += 1) {
    const { key, rev, body } = record;
    if (body === null) return ok('same');
    const next = migrate(key, body, from);
    if (JSON.stringify(next) === JSON.stringify(body)) return ok('same');
    const write = { ...EMPTY_COMMIT, reads: [{ key, rev }], writes: [{ key, body: next }] };
    const outcome = await records.commit(write);
    if (outcome.kind === 'committed') return ok('moved');
    if (outcome.kind === 'unavailable') return storeUnavailable(outcome);
    const again = fromStore(await records.read([key]));
    if (again.kind === 'error') return again;
    record = again.value[0] ?? { key, rev: 0, body: null };
  }
  return fail('SERIN_CONFLICT', `record ${record.key} kept changing while it was brought forward`);
}
