import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { startEmbeddedRedis } from '../../src/adapters/store/embedded-redis.ts';
import { createRedisStore } from '../../src/adapters/store/redis-store.ts';
import { quiet } from '../support/quiet-logger.ts';
import { storeContract } from './store.contract.ts';

storeContract('Redis', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'serin-store-'));
  const started = await startEmbeddedRedis({ dir, searchFolders: [resolve('.tools/bin')], logger: quiet });
  if (started.kind !== 'started') throw new Error(started.detail);
  const { redis } = started;
  const store = createRedisStore({
    connection: { socketPath: redis.socketPath },
    deadlineMs: 500,
    logger: quiet,
  });
  const raw = new Redis({ path: redis.socketPath });
  raw.on('error', () => undefined);
  return {
    ...store,
    elapse: async (ms) => {
      const [s = 0, us = 0] = await raw.time();
      const end = Number(s) * 1000 + Number(us) / 1000 + ms;
      await expect
        .poll(
          async () => {
            const [seconds = 0, micros = 0] = await raw.time();
            return Number(seconds) * 1000 + Number(micros) / 1000;
          },
          { interval: 5, timeout: ms + 5000 },
        )
        .toBeGreaterThan(end);
    },
    corrupt: async (key) => void (await raw.hset(`{serin}:record:${key}`, 'body', '{"half')),
    goDown: async () => void process.kill(redis.pid, 'SIGSTOP'),
    comeBack: async () => void process.kill(redis.pid, 'SIGCONT'),
    close: async () => {
      store.close();
      raw.disconnect();
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
});
