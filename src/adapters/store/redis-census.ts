import { z } from 'zod';
import { PHASES } from '../../core/model/phase.ts';
import { BreakerRecord } from '../../core/rollout/breaker.ts';
import type { CensusTaker } from '../../engine/ports/store.ts';
import type { RedisCalls } from './redis-calls.ts';
import { parseJson } from './stored-values.ts';

const Strings = z.array(z.string());

export function redisCensus(calls: RedisCalls): CensusTaker {
  return {
    census: async () => {
      const answer = await calls.run(Strings, (client, p) => client.serinCensus(p));
      if (answer.kind !== 'ok') return answer;
      const [now = '', evidence = '', queues = '', since = '', dead = '', due = '', ...more] = answer.value;
      const [judged = '', blind = '', breaker = '', ...pairs] = more;
      const counts = new Map<string, number>();
      for (let i = 0; i + 1 < pairs.length; i += 2) counts.set(pairs[i] ?? '', Number(pairs[i + 1]));
      const active = new Map(PHASES.flatMap((phase) => (counts.has(phase) ? [[phase, counts.get(phase) ?? 0]] : [])));
      return {
        kind: 'ok',
        value: {
          nowMs: Number(now),
          active,
          evidenceAtMs: moment(evidence),
          judged: Number(judged),
          blind: Number(blind),
          breakerOpen: isOpen(breaker),
          outbox: { queues: Number(queues), sinceMs: moment(since) },
          deadLetters: Number(dead),
          dueAtMs: moment(due),
        },
      };
    },
  };
}

function moment(text: string): number | null {
  return text === '' ? null : Number(text);
}

function isOpen(text: string): boolean {
  const json = parseJson(text);
  const read = BreakerRecord.safeParse(json.kind === 'ok' ? json.value : null);
  return read.success && read.data.openSinceMs !== null;
}
