import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { startEmbeddedRedis } from '../../src/adapters/store/embedded-redis.ts';
import { createRedisStore } from '../../src/adapters/store/redis-store.ts';
import { quiet } from '../support/quiet-logger.ts';
import { ledgerContract } from './ledger.contract.ts';

ledgerContract('Redis', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'serin-ledger-'));
  const started = await startEmbeddedRedis({ dir, searchFolders: [resolve('.tools/bin')], logger: quiet });
  if (started.kind !== 'started') throw new Error(started.detail);
  const { redis } = started;
  const store = createRedisStore({ connection: { socketPath: redis.socketPath }, deadlineMs: 500, logger: quiet });
  const raw = new Redis({ path: redis.socketPath });
  raw.on('error', () => undefined);
  return {
    ledger: store.ledger,
    expire: async (replica) => void (await raw.zadd('{serin}:ledger', 1, replica)),
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
