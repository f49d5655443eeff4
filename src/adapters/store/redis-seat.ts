import { z } from 'zod';
import type { EngineSeat } from '../../engine/ports/store.ts';
import type { RedisCalls } from './redis-calls.ts';

/** The seat in Redis: a key that names its holder and dies by itself. The commit script looks at it, too. */
export function redisSeat(calls: RedisCalls, holder: string): EngineSeat {
  return {
    take: (ttlMs) =>
      calls.run(z.enum(['mine', 'taken']), (client, p) => client.serinSeatTake(p, holder, String(ttlMs))),
    release: async () => {
      const answer = await calls.run(z.number(), (client, p) => client.serinSeatRelease(p, holder));
      return answer.kind === 'ok' ? { kind: 'ok', value: 'done' } : answer;
    },
  };
}
