import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { createRedisStore, type RedisStore } from '../../src/adapters/store/redis-store.ts';
import { embeddedServer } from '../support/embedded-server.ts';
import { quiet } from '../support/quiet-logger.ts';
import { archiveContract } from './archive.contract.ts';

archiveContract('Redis', async () => {
  const server = await embeddedServer();
  const raw = new Redis({ path: server.socketPath });
  const prefixes = new Map<unknown, string>();
  const open: RedisStore[] = [];
  return {
    fresh: () => {
      const prefix = `{store-${open.length}}`;
      const store = createRedisStore({ connection: { socketPath: server.socketPath }, prefix, logger: quiet });
      open.push(store);
      prefixes.set(store, prefix);
      return store;
    },
    corrupt: async (store, key) => void (await raw.hset(`${prefixes.get(store)}:record:${key}`, 'body', '{"half')),
    close: async () => {
      for (const store of open) store.close();
      raw.disconnect();
      await server.stop();
    },
  };
});

it('finds what no index knows, and indexes that are wrong', async () => {
  const server = await embeddedServer();
  const raw = new Redis({ path: server.socketPath });
  const store = createRedisStore({ connection: { socketPath: server.socketPath }, logger: quiet });
  try {
    await raw.hset('{serin}:record:rollout/lost', 'rev', '1', 'body', '{}');
    await raw.zadd('{serin}:index:rollout/', 5, 'rollout/nowhere');
    await raw.hset('{serin}:traffic:edge', '@n', '3', '@epoch', 'e', 'route/shop', 'x|{}');
    await raw.set('{serin}:outbox:r~t', 'a string');
    const dump = await store.archive.dump();
    expect(dump.kind === 'ok' && dump.value.damage).toEqual([
      { where: 'record:rollout/lost', detail: 'is missing from the index rollout/' },
      { where: 'record:rollout/nowhere', detail: 'is in an index, but gone' },
      { where: 'traffic:edge', detail: 'is not listed among the fleets' },
      { where: 'outbox:r~t', detail: 'is no list' },
      { where: 'traffic:edge', detail: 'route/shop: no fleet revision before the value' },
    ]);
  } finally {
    store.close();
    raw.disconnect();
    await server.stop();
  }
});
