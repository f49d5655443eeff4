import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Logger } from '../../engine/ports/logger.ts';
import type { StoreRead } from '../../engine/ports/store.ts';
import { reason } from './redis-calls.ts';
import { followStream } from './stream-follower.ts';

export interface FollowOptions {
  readonly connect: () => Redis;
  readonly key: string;
  readonly fleets: () => Promise<StoreRead<readonly string[]>>;
  readonly onChange: (fleets: readonly string[]) => void;
  readonly logger: Logger;
}

const Newest = z.array(z.tuple([z.string(), z.array(z.string())])).max(1);
const Read = z
  .array(z.tuple([z.string(), z.array(z.tuple([z.string(), z.array(z.string())]))]))
  .max(1)
  .nullable();

/**
 * Follows the change stream. The first look takes the stream's end; after every failure all fleets are reported
 * once, since changes may have been missed.
 */
export async function followChanges(options: FollowOptions): Promise<{ stop(): Promise<void> }> {
  const { connect, key, logger } = options;
  let stopped = false;
  const report = (fleets: readonly string[]): void => {
    if (fleets.length === 0 || stopped) return;
    try {
      options.onChange(fleets);
    } catch (error) {
      logger.error('a follower of the change stream failed', { detail: reason(error) });
    }
  };
  const following = await followStream({
    name: 'change stream',
    connect,
    begin: async (client, missed) => {
      const newest = Newest.parse(await client.xrevrange(key, '+', '-', 'COUNT', 1));
      if (missed) {
        const fleets = await options.fleets();
        if (fleets.kind !== 'ok') throw new Error(fleets.detail);
        report(fleets.value);
      }
      return newest[0]?.[0] ?? '0-0';
    },
    next: async (client, last, blockMs) => {
      const read = await client.xread('COUNT', 500, 'BLOCK', blockMs, 'STREAMS', key, last);
      const entries = Read.parse(read)?.[0]?.[1] ?? [];
      // Fields alternate fleet, n.
      report([...new Set(entries.flatMap(([, fields]) => fields.filter((_, index) => index % 2 === 0)))]);
      return entries.at(-1)?.[0] ?? last;
    },
    logger,
  });
  return {
    stop: async () => {
      stopped = true;
      await following.stop();
    },
  };
}
