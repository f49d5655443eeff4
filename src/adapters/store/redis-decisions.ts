import { z } from 'zod';
import type { DecisionLog } from '../../engine/ports/store.ts';
import { unpackDecision } from './pack-decision.ts';
import type { RedisCalls } from './redis-calls.ts';
import { collect, corrupt } from './redis-records.ts';
import { requirePlainName } from './stored-values.ts';

const Entries = z.array(z.string());

export function redisDecisions(calls: RedisCalls): DecisionLog {
  return {
    read: async (rolloutId, { from, limit }) => {
      requirePlainName('rollout id', rolloutId);
      const key = `${calls.prefix}decisions:${rolloutId}`;
      const answer = await calls.run(Entries, (client) => client.lrange(key, from, from + limit - 1));
      if (answer.kind !== 'ok') return answer;
      const unpacked = await Promise.all(answer.value.map(unpackDecision));
      return collect(unpacked, (one) =>
        one.kind === 'ok'
          ? { kind: 'ok', value: { looks: one.value.looks, text: one.value.text } }
          : corrupt(key, one.detail),
      );
    },
  };
}
