import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { reason } from '../../../src/adapters/store/redis-calls.ts';

it('a command without a connection is told in our words, not in those of the client', async () => {
  const client = new Redis({ lazyConnect: true, enableOfflineQueue: false, retryStrategy: () => null, port: 1 });
  client.on('error', () => {});
  const why = await client.ping().then(() => 'answered', reason);
  client.disconnect();
  expect(why).toBe('there is no connection to Redis');
});
