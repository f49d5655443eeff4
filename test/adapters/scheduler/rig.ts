import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createWakeUps, type WakeUpsOptions } from '../../../src/adapters/scheduler/wake-ups.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/adapters/store/embedded-redis.ts';
import { createRedisStore, type RedisStore } from '../../../src/adapters/store/redis-store.ts';
import type { Subject } from '../../../src/engine/ports/store.ts';
import type { WakeUps } from '../../../src/engine/ports/wake-ups.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { quiet } from '../../support/quiet-logger.ts';

export interface Rig {
  readonly redis: EmbeddedRedis;
  /** Kills the server and starts it again on the same data. */
  restartRedis(): Promise<void>;
  readonly store: RedisStore;
  wakeUps(more?: Partial<WakeUpsOptions>): WakeUps;
  close(): Promise<void>;
}

/** A real server, a store on it, and any number of wake-ups, all gone after `close`. */
export async function rig(): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'serin-wake-'));
  const boot = async (): Promise<EmbeddedRedis> => {
    const started = await startEmbeddedRedis({ dir, searchFolders: [resolve('.tools/bin')], logger: quiet });
    if (started.kind !== 'started') throw new Error(started.detail);
    return started.redis;
  };
  let redis = await boot();
  const store = createRedisStore({ connection: { socketPath: redis.socketPath }, deadlineMs: 500, logger: quiet });
  const made: WakeUps[] = [];
  return {
    redis,
    restartRedis: async () => {
      process.kill(redis.pid, 'SIGKILL');
      await redis.exited;
      redis = await boot();
    },
    store,
    wakeUps: (more = {}) => {
      const wakeUps = createWakeUps({
        redis: { path: redis.socketPath },
        due: store.due,
        suspects: store.suspects,
        clock: createSystemClock(),
        logger: quiet,
        stopDeadlineMs: 500,
        ...more,
      });
      made.push(wakeUps);
      return wakeUps;
    },
    close: async () => {
      await Promise.all(made.map((wakeUps) => wakeUps.stop()));
      store.close();
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Counts runs by subject. A run that reschedules nothing ends its lease, as the engine's do. */
export function counter(store: RedisStore): {
  readonly handle: (subject: Subject) => Promise<void>;
  readonly runs: (subject: Subject) => number;
} {
  const counts = new Map<Subject, number>();
  return {
    handle: async (subject) => {
      counts.set(subject, (counts.get(subject) ?? 0) + 1);
      await store.due.forget(subject);
    },
    runs: (subject) => counts.get(subject) ?? 0,
  };
}
