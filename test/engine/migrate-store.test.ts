import { expect, it } from 'vitest';
import { SCHEMA } from '../../src/core/model/schema.ts';
import { migrateStore } from '../../src/engine/migrate-store.ts';
import type { RecordKey } from '../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { type FakeStore, fakeStore } from '../support/fake-store.ts';
import { quiet } from '../support/quiet-logger.ts';
import { rollout } from '../support/rollouts.ts';
import { without } from '../support/without.ts';

const old = without(rollout({}), 'drill');

async function put(store: FakeStore, key: RecordKey, body: unknown): Promise<void> {
  await store.records.commit({ ...EMPTY_COMMIT, reads: [{ key, rev: 0 }], writes: [{ key, body }] });
}

async function bodyOf(store: FakeStore, key: RecordKey): Promise<unknown> {
  const read = await store.records.read([key]);
  return read.kind === 'ok' ? read.value[0]?.body : read;
}

it('brings old records forward, once', async () => {
  const store = fakeStore(fakeClock());
  await put(store, 'rollout/r1', old);
  expect(await migrateStore(store, quiet)).toEqual({ kind: 'ok', value: 'ready' });
  expect(await bodyOf(store, 'rollout/r1')).toMatchObject({ drill: null });
  expect(await store.archive.schema()).toEqual({ kind: 'ok', value: SCHEMA });
  const commits = store.commits();
  await migrateStore(store, quiet);
  expect(store.commits()).toBe(commits);
});

it('takes up a race with a replica of the version before', async () => {
  const store = fakeStore(fakeClock());
  await put(store, 'rollout/r1', old);
  store.faults.failNextCommit('conflict');
  expect((await migrateStore(store, quiet)).kind).toBe('ok');
  expect(await bodyOf(store, 'rollout/r1')).toMatchObject({ drill: null });
});

it('does not call the store migrated when it was cut off', async () => {
  const store = fakeStore(fakeClock());
  await put(store, 'rollout/r1', old);
  store.faults.failNextCommit('unavailable');
  expect((await migrateStore(store, quiet)).kind).toBe('error');
  expect(await store.archive.schema()).toMatchObject({ value: { version: 0 } });
});

it('refuses a store that needs a newer version, and says which', async () => {
  const store = fakeStore(fakeClock());
  await store.archive.raiseSchema({ version: SCHEMA.version + 2, reader: SCHEMA.version + 1 });
  expect(await migrateStore(store, quiet)).toMatchObject({
    kind: 'error',
    errors: [{ code: 'SERIN_SCHEMA_NEWER', message: expect.stringContaining(`version ${SCHEMA.version + 2}`) }],
  });
});

it('works beside a newer version that allows it', async () => {
  const store = fakeStore(fakeClock());
  await store.archive.raiseSchema({ version: SCHEMA.version + 1, reader: SCHEMA.version });
  expect(await migrateStore(store, quiet)).toEqual({ kind: 'ok', value: 'ready' });
  expect(await store.archive.schema()).toMatchObject({ value: { version: SCHEMA.version + 1 } });
});
