import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/adapters/store/embedded-redis.ts';
import { quiet } from './quiet-logger.ts';

/** A real Redis-compatible server in a folder of its own, both gone after `stop`. */
export async function embeddedServer(): Promise<Pick<EmbeddedRedis, 'socketPath' | 'pid' | 'stop'>> {
  const dir = await mkdtemp(join(tmpdir(), 'serin-store-'));
  const started = await startEmbeddedRedis({ dir, searchFolders: [resolve('.tools/bin')], logger: quiet });
  if (started.kind !== 'started') throw new Error(started.detail);
  const { redis } = started;
  return {
    socketPath: redis.socketPath,
    pid: redis.pid,
    stop: async () => {
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
