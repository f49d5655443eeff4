import { z } from 'zod';
import type { Outbox, OutboxEntry, OutboxQueue, StoreRead } from '../../engine/ports/store.ts';
import type { RedisCalls } from './redis-calls.ts';
import { collect, corrupt } from './redis-records.ts';
import { parseCount, parseNotice, requireSubject, scoreMs, stored } from './stored-values.ts';

const Strings = z.array(z.string());
const Done = z.number();

/** Notices wait in one list per queue; only the head is ever tried, so order holds through retries. */
export function redisOutbox(calls: RedisCalls): Outbox {
  const done = async (command: Parameters<RedisCalls['run']>[1]): Promise<StoreRead<'done'>> => {
    const answer = await calls.run(Done, command);
    return answer.kind === 'ok' ? { kind: 'ok', value: 'done' } : answer;
  };
  return {
    head: async (queue) => {
      requireSubject(`outbox/${queue}`);
      const answer = await calls.run(Strings, (client, p) => client.serinOutboxHead(p, queue));
      return answer.kind === 'ok' ? head(`${calls.prefix}outbox:${queue}`, queue, answer.value) : answer;
    },
    waiting: async (queue, limit) => {
      requireSubject(`outbox/${queue}`);
      const key = `${calls.prefix}outbox:${queue}`;
      const answer = await calls.run(Strings, (client) => client.lrange(key, 0, limit - 1));
      if (answer.kind !== 'ok') return answer;
      return collect(answer.value, (raw) => {
        const notice = parseNotice(raw.slice(raw.indexOf('\n') + 1));
        return notice.kind === 'ok' ? notice : corrupt(key, notice.detail);
      });
    },
    fold: async (queue, noticeIds, notice) => {
      requireSubject(`outbox/${queue}`);
      // It takes the place of the last of them, under its id.
      if (notice.id !== noticeIds.at(-1)) throw new RangeError(`${notice.id} is not the last of those it stands for`);
      const raw = `${notice.id}\n${stored(`a notice of ${queue}`, notice)}`;
      const answer = await calls.run(Done, (client, p) => client.serinOutboxFold(p, queue, raw, ...noticeIds));
      return answer.kind === 'ok' ? { kind: 'ok', value: answer.value === 1 ? 'folded' : 'changed' } : answer;
    },
    delivered: (queue, noticeId) => done((client, p) => client.serinOutboxTake(p, queue, noticeId, '')),
    retry: (queue, noticeId, atMs, detail) =>
      done((client, p) => client.serinOutboxRetry(p, queue, noticeId, scoreMs(atMs), oneLine(detail))),
    bury: (queue, noticeId, detail) =>
      done((client, p) => client.serinOutboxTake(p, queue, noticeId, oneLine(detail) || 'no reason given')),
    deadLetters: async (limit) => {
      const key = `${calls.prefix}dead`;
      const last = Math.min(Math.max(1, Math.trunc(limit)), 10_000) - 1;
      const answer = await calls.run(Strings, (client) => client.lrange(key, 0, last));
      if (answer.kind !== 'ok') return answer;
      return collect(answer.value, (raw) => {
        const [queue = '', detail = '', ...json] = raw.split('\n');
        const notice = parseNotice(json.join('\n'));
        return notice.kind === 'ok'
          ? { kind: 'ok', value: { queue, detail, notice: notice.value } }
          : corrupt(key, notice.detail);
      });
    },
  };
}

function head(key: string, queue: OutboxQueue, row: readonly string[]): StoreRead<OutboxEntry | null> {
  const [raw, triedId = '', tries = '', first = ''] = row;
  if (raw === undefined) return { kind: 'ok', value: null };
  const end = raw.indexOf('\n');
  const notice = parseNotice(raw.slice(end + 1));
  if (notice.kind === 'bad') return corrupt(key, notice.detail);
  const tried = triedId === raw.slice(0, end);
  return {
    kind: 'ok',
    value: {
      queue,
      notice: notice.value,
      attempts: tried ? (parseCount(tries) ?? 0) : 0,
      firstTriedAtMs: tried ? parseCount(first) : null,
    },
  };
}

/** The receiver's words: one bounded line, since lines separate the parts of a dead letter. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 500);
}
