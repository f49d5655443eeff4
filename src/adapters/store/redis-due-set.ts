import { z } from 'zod';
import type { DueSet, Leased, StoreRead, Subject } from '../../engine/ports/store.ts';
import type { RedisCalls } from './redis-calls.ts';
import { requireSubject, scoreMs } from './stored-values.ts';

const Strings = z.array(z.string());
const Done = z.number();

/** Every delay of Serin, by the store's own clock. */
export function redisDueSet(calls: RedisCalls): DueSet {
  const done = async (command: Parameters<RedisCalls['run']>[1]): Promise<StoreRead<'done'>> => {
    const answer = await calls.run(Done, command);
    return answer.kind === 'ok' ? { kind: 'ok', value: 'done' } : answer;
  };
  return {
    next: async () => {
      const answer = await calls.run(Strings, (client, p) => client.zrange(`${p}due`, '0', '0', 'WITHSCORES'));
      if (answer.kind !== 'ok') return answer;
      return { kind: 'ok', value: answer.value.length === 0 ? null : Number(answer.value[1]) };
    },
    lease: async (limit, leaseMs) => {
      const answer = await calls.run(Strings, (client, p) => client.serinDueLease(p, String(limit), scoreMs(leaseMs)));
      return answer.kind === 'ok' ? { kind: 'ok', value: leased(answer.value) } : answer;
    },
    schedule: (subject, atMs) => {
      requireSubject(subject);
      return done((client, p) => client.serinDueSchedule(p, subject, scoreMs(atMs)));
    },
    forget: (subject) => done((client, p) => client.serinDueForget(p, subject)),
  };
}

function leased(rows: readonly string[]): readonly Leased[] {
  const all: Leased[] = [];
  // Members get in through `requireSubject` alone.
  for (let i = 0; i + 1 < rows.length; i += 2) all.push({ subject: rows[i] as Subject, dueAtMs: Number(rows[i + 1]) });
  return all;
}
