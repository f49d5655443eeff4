import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { createRedisStore, type RedisStore } from '../../src/adapters/store/redis-store.ts';
import type { WitnessMemory } from '../../src/adapters/store/witness.ts';
import type { StorePoint } from '../../src/core/model/freeze.ts';
import { SCHEMA } from '../../src/core/model/schema.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { embeddedServer } from '../support/embedded-server.ts';
import { quiet } from '../support/quiet-logger.ts';
import { type LineagesUnderTest, lineageContract } from './lineage.contract.ts';
import { tailContract } from './tail.contract.ts';

const open = async (): Promise<LineagesUnderTest> => {
  const server = await embeddedServer();
  const raw = new Redis({ path: server.socketPath });
  const all: RedisStore[] = [];
  let prefixes = 0;
  return {
    fresh: () => {
      prefixes += 1;
      const prefix = `{store-${prefixes}}`;
      const open = () => {
        const store = createRedisStore({ connection: { socketPath: server.socketPath }, prefix, logger: quiet });
        all.push(store);
        return store;
      };
      const wipe = async () => {
        const keys = await raw.keys(`${prefix}:*`);
        if (keys.length > 0) await raw.del(...keys);
      };
      return {
        ...open(),
        replica: open,
        backup: async () => {
          const keys = await raw.keys(`${prefix}:*`);
          const kept = await Promise.all(keys.map((key) => raw.dumpBuffer(key)));
          return async () => {
            await wipe();
            await Promise.all(keys.map((key, i) => raw.restore(key, 0, kept[i] ?? Buffer.alloc(0))));
          };
        },
        wipe,
        forget: async () => void (await raw.xtrim(`${prefix}:journal`, 'MAXLEN', 0)),
      };
    },
    close: async () => {
      for (const store of all) store.close();
      raw.disconnect();
      await server.stop();
    },
  };
};

lineageContract('Redis', open);
tailContract('Redis', open);

async function alone() {
  const server = await embeddedServer();
  const raw = new Redis({ path: server.socketPath });
  const open = (memory: WitnessMemory = {}) => {
    const connection = { socketPath: server.socketPath };
    const store = createRedisStore({ connection, logger: quiet, ...memory });
    onTestFinished(() => store.close());
    return store;
  };
  onTestFinished(async () => {
    raw.disconnect();
    await server.stop();
  });
  return { raw, open };
}

const commit = {
  ...EMPTY_COMMIT,
  reads: [{ key: 'rollout/a', rev: 0 }],
  writes: [{ key: 'rollout/a', body: {} }],
} as const;

it('nobody takes an import that was cut off for a store, until another one replaces it', async () => {
  const { raw, open } = await alone();
  const store = open();
  // As an import leaves it that dies after its first write.
  await raw.set('{serin}:frozen', JSON.stringify({ reason: 'import', by: 'x' }));
  await raw.hset('{serin}:record:rollout/a', 'rev', '1', 'body', '{}');
  expect(await store.records.commit(commit)).toMatchObject({ kind: 'unavailable', frozen: true });
  expect(await store.traffic.table('edge')).toMatchObject({ kind: 'unavailable', frozen: true });
  expect(await store.lineage.look()).toMatchObject({ value: { frozen: { reason: 'import', mine: false } } });
  expect((await store.archive.load([], { replace: false })).kind).toBe('not empty');
  expect((await store.archive.load([], { replace: true })).kind).toBe('loaded');
  expect((await open().records.commit(commit)).kind).toBe('committed');
});

it('of two imports at once one is taken, and whole', async () => {
  const { open } = await alone();
  const lines = (name: string) =>
    Array.from({ length: 2_000 }, (_, i) => ({
      ...({ kind: 'record', rev: 1, body: {} } as const),
      ...{ key: `rollout/${name}-${i}`, order: i + 1 },
    }));
  const both = await Promise.all(['a', 'b'].map((name) => open().archive.load(lines(name), { replace: true })));
  // Both, if one has ended before the other began.
  expect(both.map(({ kind }) => kind)).toContain('loaded');
  const dump = await open().archive.dump();
  if (dump.kind !== 'ok') throw new Error(dump.kind);
  const keys = dump.value.lines.flatMap((line) => (line.kind === 'record' ? [line.key.slice(0, 9)] : []));
  expect(keys).toHaveLength(2_000);
  expect(new Set(keys).size).toBe(1);
  expect(dump.value.damage).toEqual([]);
});

it('a replica that is too old for what the store became writes no more', async () => {
  const { open } = await alone();
  const store = open();
  expect((await store.records.commit(commit)).kind).toBe('committed');
  await store.archive.raiseSchema({ version: SCHEMA.version + 2, reader: SCHEMA.version + 1 });
  const next = { ...commit, reads: [{ key: 'rollout/a', rev: 1 }] } as const;
  expect(await store.records.commit(next)).toMatchObject({
    kind: 'unavailable',
    detail: expect.stringContaining(`schema version ${SCHEMA.version + 1}`),
  });
});

it('F6: a store that all replicas were started anew with is compared with what they remember', async () => {
  const { raw, open } = await alone();
  let remembered: StorePoint | null = null;
  const onPoint = (point: StorePoint) => {
    remembered = point;
  };
  const before = open({ onPoint });
  await before.records.commit(commit);
  const older = await raw.dumpBuffer('{serin}:head');
  await before.records.commit({ ...commit, reads: [{ key: 'rollout/a', rev: 1 }] });
  expect(remembered).toMatchObject({ n: 2 });
  // What is there now is what it remembers.
  expect(await open({ remembered }).lineage.look()).toMatchObject({ value: { frozen: null } });
  await raw.restore('{serin}:head', 0, older ?? Buffer.alloc(0), 'REPLACE');
  // One without a memory notices nothing, as it was before there was any.
  expect(await open().lineage.look()).toMatchObject({ value: { frozen: null } });
  const looked = await open({ remembered }).lineage.look();
  expect(looked).toMatchObject({ value: { frozen: { reason: 'lost', seen: { n: 2 }, found: { n: 1 } } } });
});
