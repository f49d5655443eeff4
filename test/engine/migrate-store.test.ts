import { expect, it } from 'vitest';
import { MIGRATIONS, SCHEMA, shapesOf } from '../../src/core/model/schema.ts';
import { migrateStore } from '../../src/engine/migrate-store.ts';
import type { RecordKey } from '../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { type FakeStore, fakeStore } from '../support/fake-store.ts';
import { quiet } from '../support/quiet-logger.ts';
import { rollout } from '../support/rollouts.ts';
import { without } from '../support/without.ts';

const old = without(rollout({}), 'drill');

/** As a replica of an early version writes it. */
async function put(store: FakeStore, key: RecordKey, body: unknown): Promise<void> {
  await store
    .replica(shapesOf([]))
    .records.commit({ ...EMPTY_COMMIT, reads: [{ key, rev: 0 }], writes: [{ key, body }] });
}

/** As it lies in the store. */
async function bodyOf(store: FakeStore, key: RecordKey): Promise<unknown> {
  const dump = await store.archive.dump();
  const lines = dump.kind === 'ok' ? dump.value.lines : [];
  return lines.flatMap((line) => (line.kind === 'record' && line.key === key ? [line.body] : []))[0];
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

it('looks at every kind of record', async () => {
  // given
  const first = MIGRATIONS[0];
  if (first === undefined) throw new Error('there is one');
  const all = shapesOf([{ ...first, record: (_key, body) => ({ ...(body as object), moved: true }) }]);
  const store = fakeStore(fakeClock(), 'e', all);
  const keys = ['document/Plan/p', 'backend/b', 'rollout/r', 'judge/r', 'verdicts/r', 'breaker/b', 'fence/f'] as const;
  for (const key of keys) await put(store, key, {});
  // when
  await migrateStore(store, quiet);
  // then
  for (const key of keys) expect(await bodyOf(store, key), key).toEqual({ moved: true });
});

it('reads what it has not brought forward yet as if it had', async () => {
  const store = fakeStore(fakeClock());
  await put(store, 'rollout/r1', old);
  const read = await store.records.read(['rollout/r1']);
  expect(read).toMatchObject({ kind: 'ok', value: [{ body: { drill: null }, older: true }] });
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
