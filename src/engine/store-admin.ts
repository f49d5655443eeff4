import { fail, ok, type Result } from '../core/model/errors.ts';
import { canWorkWith } from '../core/model/schema.ts';
import { fromStore, storeUnavailable } from './load.ts';
import type { Damage, StoreArchive, StoreDump } from './ports/store-archive.ts';
import { exportText, forward, readExport } from './store-export.ts';
import { verifyStore } from './verify-store.ts';

/** What is wrong is named, but not in full: the rest is much the same. */
const MAX_NAMED = 20;

export interface StoreCount {
  readonly records: number;
  readonly rollouts: number;
  readonly fleets: number;
  readonly events: number;
  readonly messages: number;
  /** Lines of the audit log. */
  readonly audit: number;
}

/** A backup of the store. What cannot be read cannot be backed up: then nothing is. */
export async function exportStore(archive: StoreArchive): Promise<Result<readonly string[]>> {
  const dump = fromStore(await archive.dump());
  if (dump.kind === 'error') return dump;
  if (!canWorkWith(dump.value.schema, archive.shapes)) return newer(dump.value);
  if (dump.value.damage.length > 0) return damaged('the store', dump.value.damage);
  return ok(exportText(dump.value));
}

/** Looks at every part of a store, or with `text` at an export. */
export async function verify(
  archive: StoreArchive | null,
  text: string | null,
): Promise<Result<{ readonly damage: readonly Damage[]; readonly count: StoreCount }>> {
  const read = text === null && archive !== null ? fromStore(await archive.dump()) : readExport(text ?? '');
  if (read.kind === 'error') return read;
  return ok({ damage: verifyStore(read.value, archive?.shapes), count: countOf(read.value) });
}

/**
 * Fills a store from an export. Engines that have seen the store as it was before do not follow: they freeze, until
 * `serin store reconcile` says what their Envoys shall get.
 */
export async function importStore(
  archive: StoreArchive,
  text: string,
  options: { readonly replace: boolean },
): Promise<Result<{ readonly epoch: string; readonly count: StoreCount }>> {
  const { shapes } = archive;
  const read = readExport(text, shapes);
  if (read.kind === 'error') return read;
  const damage = verifyStore(read.value, shapes);
  if (damage.length > 0) return damaged('the export', damage);
  const outcome = await archive.load(forward(read.value, shapes), options);
  switch (outcome.kind) {
    case 'loaded':
      return ok({ epoch: outcome.epoch, count: countOf(read.value) });
    case 'not empty':
      return fail('SERIN_STORE_NOT_EMPTY', 'the store is in use; nothing was changed');
    case 'unavailable':
      return storeUnavailable(outcome);
  }
}

function countOf({ lines }: StoreDump): StoreCount {
  const count = (kind: StoreDump['lines'][number]['kind']) => lines.filter((line) => line.kind === kind).length;
  return {
    records: count('record'),
    rollouts: lines.filter((line) => line.kind === 'record' && line.key.startsWith('rollout/')).length,
    fleets: count('fleet'),
    events: count('event'),
    messages: count('notice'),
    audit: count('audit'),
  };
}

function newer({ schema }: StoreDump): Result<never> {
  const message = `the store is of schema version ${schema.version}, which needs Serin of version ${schema.reader} or newer`;
  return fail('SERIN_SCHEMA_NEWER', message);
}

function damaged(what: string, damage: readonly Damage[]): Result<never> {
  const more = damage.length - MAX_NAMED;
  return {
    kind: 'error',
    errors: [
      ...damage.slice(0, MAX_NAMED).map(({ where, detail }) => ({
        code: 'SERIN_STORE_DAMAGED' as const,
        message: `${what}: ${where}: ${detail}`,
      })),
      ...(more > 0 ? [{ code: 'SERIN_STORE_DAMAGED' as const, message: `${what}: ${more} more` }] : []),
    ],
  };
}
