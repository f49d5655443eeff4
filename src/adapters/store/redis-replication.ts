import type { Redis } from 'ioredis';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Replication } from '../../engine/ports/replication.ts';
import { reason } from './redis-calls.ts';

const WAIT_MS = 1_000;
/** What is written in order to be waited for is of no use afterwards. */
const MARK_MS = 10_000;

/**
 * `WAIT` counts the replicas that have what this connection has written, and holds up everything behind it. So it has a
 * connection of its own, and writes a mark first: who has that has all that came before.
 */
export function redisReplication(options: {
  readonly connect: (more: { maxRetriesPerRequest: number; commandTimeout: number }) => Redis;
  readonly prefix: string;
  /** So many replicas must have it. */
  readonly copies: number;
  readonly logger: Logger;
}): Replication & { close(): void } {
  const { prefix, copies, logger } = options;
  let client: Redis | null = null;
  return {
    confirmed: async () => {
      client ??= options.connect({ maxRetriesPerRequest: 0, commandTimeout: 2 * WAIT_MS });
      try {
        const [, count] = await Promise.all([
          client.set(`${prefix}confirmed`, '1', 'PX', MARK_MS),
          client.wait(copies, WAIT_MS),
        ]);
        return count >= copies;
      } catch (error) {
        logger.debug('replication not confirmed', { detail: reason(error) });
        return false;
      }
    },
    close: () => client?.disconnect(),
  };
}
