import { fail, ok, type Result } from '../core/model/errors.ts';
import { canWorkWith } from '../core/model/schema.ts';
import { fromStore, storeUnavailable } from './load.ts';
import type { Logger } from './ports/logger.ts';
import type { RecordStore, StoredRecord } from './ports/store.ts';
import type { StoreArchive } from './ports/store-archive.ts';
import { EMPTY_COMMIT } from './publish.ts';

const FAMILIES = ['document/', 'backend/', 'rollout/', 'judge/', 'verdicts/', 'breaker/', 'fence/'] as const;
const MAX_RACES = 20;

/**
 * Before an engine acts: is the store of a version that it understands? Whoever reads an older record reads it as the
 * present version would write it; here they are written like that as well, one commit each, while replicas of the
 * version before go on. A start that is cut off goes on with the rest next time. What tables hold is written anew with
 * their next change: a write for its own sake would be a new fleet revision for every Envoy.
 */
export async function migrateStore(
  { records, archive }: { readonly records: RecordStore; readonly archive: StoreArchive },
  logger: Logger,
): Promise<Result<'ready'>> {
  const own = archive.shapes.schema;
  const schema = fromStore(await archive.schema());
  if (schema.kind === 'error') return schema;
  const { version, reader } = schema.value;
  if (!canWorkWith(schema.value, archive.shapes)) {
    const message = `the store is of schema version ${version}; this Serin is of ${own.version}, and ${reader} is the oldest that can work with it`;
    return fail('SERIN_SCHEMA_NEWER', message);
  }
  if (version > own.version) {
    logger.warn('the store is of a newer version, what that alone understands is left alone', { version, own });
    return ok('ready');
  }
  if (version === own.version) return ok('ready');
  let moved = 0;
  for (const family of FAMILIES) {
    const outcome = await forwardFamily(records, family);
    if (outcome.kind === 'error') return outcome;
    moved += outcome.value;
  }
  const raised = fromStore(await archive.raiseSchema(own));
  if (raised.kind === 'error') return raised;
  if (moved > 0) logger.info('records brought to the present schema', { records: moved, version: own.version });
  return ok('ready');
}

/** How many were written. */
async function forwardFamily(records: RecordStore, family: (typeof FAMILIES)[number]): Promise<Result<number>> {
  let moved = 0;
  let cursor: string | null = null;
  do {
    const page: Result<{ records: readonly StoredRecord[]; cursor: string | null }> = fromStore(
      await records.list(family, { limit: 500, cursor }),
    );
    if (page.kind === 'error') return page;
    for (const record of page.value.records) {
      const outcome = await forward(records, record);
      if (outcome.kind === 'error') return outcome;
      if (outcome.value === 'moved') moved += 1;
    }
    cursor = page.value.cursor;
  } while (cursor !== null);
  return ok(moved);
}

async function forward(records: RecordStore, first: StoredRecord): Promise<Result<'moved' | 'same'>> {
  let record = first;
  for (let race = 0; race < MAX_RACES; race += 1) {
    const { key, rev, body, older } = record;
    if (body === null || older !== true) return ok('same');
    const outcome = await records.commit({ ...EMPTY_COMMIT, reads: [{ key, rev }], writes: [{ key, body }] });
    if (outcome.kind === 'committed') return ok('moved');
    if (outcome.kind === 'unavailable') return storeUnavailable(outcome);
    const again = fromStore(await records.read([key]));
    if (again.kind === 'error') return again;
    record = again.value[0] ?? { key, rev: 0, body: null };
  }
  return fail('SERIN_CONFLICT', `record ${record.key} kept changing while it was brought forward`);
}
