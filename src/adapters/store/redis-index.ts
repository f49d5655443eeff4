import { z } from 'zod';
import type { RecordIndex, RecordKey } from '../../engine/ports/store.ts';
import type { RedisCalls } from './redis-calls.ts';

const Strings = z.array(z.string());
const Count = z.number();

/** The same order as that of a list, from its other end. */
export function redisIndex(calls: RedisCalls): RecordIndex {
  return {
    oldest: async (prefix, { limit, cursor }) => {
      const key = `${calls.prefix}index:${prefix}`;
      const from = cursor !== null && /^\d{1,16}$/.test(cursor) ? `(${cursor}` : '-inf';
      const total = await calls.run(Count, (client) => client.zcard(key));
      if (total.kind !== 'ok') return total;
      const answer = await calls.run(Strings, (client) =>
        client.zrangebyscore(key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1),
      );
      if (answer.kind !== 'ok') return answer;
      const keys: RecordKey[] = [];
      const scores: string[] = [];
      for (let i = 0; i + 1 < answer.value.length; i += 2) {
        // Members get in through the checks of a commit alone.
        keys.push(answer.value[i] as RecordKey);
        scores.push(answer.value[i + 1] ?? '');
      }
      const more = keys.length > limit;
      return {
        kind: 'ok',
        value: { keys: keys.slice(0, limit), cursor: more ? (scores[limit - 1] ?? null) : null, total: total.value },
      };
    },
  };
}
