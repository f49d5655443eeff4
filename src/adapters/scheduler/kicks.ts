import type { WakeUps } from '../../engine/ports/wake-ups.ts';
import { NowQueue, type NowQueueOptions } from './now-queue.ts';

export type KicksOptions = Pick<NowQueueOptions, 'redis' | 'clock' | 'logger'> & {
  /** Hash tag before every key, the same as the store's. @default '{serin}' */
  readonly prefix?: string;
};

const REDIS_DEADLINE_MS = 2000;

/** Wake-ups of a replica that runs nothing itself: its kicks reach those that do. */
export function createKicks({ prefix = '{serin}', ...options }: KicksOptions): WakeUps {
  const queue = new NowQueue({ ...options, prefix, concurrency: 1, deadlineMs: REDIS_DEADLINE_MS });
  let stopped = false;
  return {
    start: async () => undefined,
    // It leases nothing.
    giveWay: () => undefined,
    kick: (subject) => {
      if (!stopped) void queue.add(subject);
    },
    stop: async () => {
      stopped = true;
      await queue.close(false);
    },
  };
}
