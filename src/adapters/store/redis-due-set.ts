import { z } from 'zod';
import type { DueSet, Leased, StoreRead, Subject, Suspects } from '../../engine/ports/store.ts';
import type { RedisCalls } from './redis-calls.ts';
import { requireSubject, scoreMs } from './stored-values.ts';

const Strings = z.array(z.string());
const Done = z.number();

/** Every delay of Serin, by the store's own clock. */
export function redisDueSet(calls: RedisCalls, runner: string): DueSet & Suspects {
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
    lease: async (limit, leaseMs, suspect = null) => {
      const answer = await calls.run(Strings, (client, p) =>
        client.serinDueLease(p, String(limit), scoreMs(leaseMs), runner, suspect ?? ''),
      );
      return answer.kind === 'ok' ? { kind: 'ok', value: leased(answer.value) } : answer;
    },
    schedule: (subject, atMs) => {
      requireSubject(subject);
      return done((client, p) => client.serinDueSchedule(p, subject, scoreMs(atMs)));
    },
    take: async (subject, leaseMs, suspect) => {
      requireSubject(subject);
      const answer = await calls.run(Done, (client, p) =>
        client.serinDueTake(p, subject, scoreMs(leaseMs), runner, suspect ?? ''),
      );
      if (answer.kind !== 'ok') return answer;
      return { kind: 'ok', value: answer.value < 0 ? 'busy' : answer.value };
    },
    blame: (subject) => done((client, p) => client.serinDueBlame(p, subject)),
    forgive: (subject) => done((client, p) => client.hdel(`${p}crashes`, subject)),
    forget: (subject) => done((client, p) => client.serinDueForget(p, subject)),
  };
}

function leased(rows: readonly string[]): readonly Leased[] {
  const all: Leased[] = [];
  // Members get in through `requireSubject` alone.
  for (let i = 0; i + 2 < rows.length; i += 3)
    all.push({ subject: rows[i] as Subject, dueAtMs: Number(rows[i + 1]), crashes: Number(rows[i + 2]) });
  return all;
}
