import { z } from 'zod';
import type { AuditLog, StoreRead } from '../../engine/ports/store.ts';
import type { RedisCalls } from './redis-calls.ts';
import { collect, corrupt } from './redis-records.ts';
import { parseAuditEntry, stored } from './stored-values.ts';

/** However the retention is set, one stream never grows beyond this. */
const MAX_ENTRIES = 1_000_000;

const Id = z.string();
const Count = z.number();
const StreamEntries = z.array(z.tuple([z.string(), z.array(z.string())]));
const CURSOR = /^\d{1,16}-\d{1,16}$/;

/** One stream, whose ids are the store's own time. */
export function redisAudit(calls: RedisCalls): AuditLog {
  const key = `${calls.prefix}audit`;
  const done = { kind: 'ok', value: 'done' } as const;
  return {
    append: async (entry): Promise<StoreRead<'done'>> => {
      const json = stored('a line of the audit log', entry);
      const answer = await calls.run(Id, (client) => client.xadd(key, 'MAXLEN', '~', MAX_ENTRIES, '*', 'e', json));
      return answer.kind === 'ok' ? done : answer;
    },
    read: async ({ after, sinceMs, limit }) => {
      const since = sinceMs === null ? '-' : `${Math.max(0, Math.ceil(sinceMs))}-0`;
      // A cursor that is none comes from outside; it starts from the beginning.
      const from = after !== null && CURSOR.test(after) ? `(${after}` : since;
      const answer = await calls.run(StreamEntries, (client) => client.xrange(key, from, '+', 'COUNT', limit));
      if (answer.kind !== 'ok') return answer;
      return collect(answer.value, ([cursor, fields]) => {
        const entry = parseAuditEntry(fields[1] ?? '');
        return entry.kind === 'ok' ? { kind: 'ok', value: { cursor, entry: entry.value } } : corrupt(key, entry.detail);
      });
    },
    trim: async (beforeMs, keep): Promise<StoreRead<'done'>> => {
      const minId = `${Math.max(0, Math.floor(beforeMs))}-0`;
      const old = await calls.run(Count, (client) => client.xtrim(key, 'MINID', minId));
      if (old.kind !== 'ok') return old;
      const many = await calls.run(Count, (client) => client.xtrim(key, 'MAXLEN', keep));
      return many.kind === 'ok' ? done : many;
    },
  };
}
