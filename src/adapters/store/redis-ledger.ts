import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { LedgerPart, LedgerStore, ReplicaLedger } from '../../engine/ports/ledger.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { StoreRead } from '../../engine/ports/store.ts';
import { type RedisCalls, reason } from './redis-calls.ts';
import { requirePlainName } from './stored-values.ts';

const LEASE_MS = 10_000;
const PLAIN = /^[A-Za-z0-9._~/-]{1,200}$/;
const Read = z
  .array(
    z.tuple([
      z.string().max(200),
      z.number().int().min(0),
      z.number().int().min(0),
      z.array(z.string().max(8_000_000)).max(20_000),
    ]),
  )
  .max(1_000);

/** The ledger in Redis. `connect`: a connection of its own for the hints, which comes back by itself. */
export function redisLedger(calls: RedisCalls, connect: () => Redis, logger: Logger): LedgerStore {
  return {
    leaseMs: LEASE_MS,
    join: (replica) => {
      requirePlainName('replica', replica);
      return calls.run(z.enum(['joined', 'taken']), (client, p) =>
        client.serinLedgerJoin(p, replica, String(LEASE_MS)),
      );
    },
    write: (replica, sequence, parts) => {
      const fields = parts.flatMap(({ fleet, part, text }) => [fieldOf(fleet, part), text]);
      return calls.run(z.enum(['written', 'stale', 'lost']), (client, p) =>
        client.serinLedgerWrite(p, replica, String(LEASE_MS), String(sequence), ...fields),
      );
    },
    read: async (known) => {
      const since = [...known].flatMap(([replica, sequence]) => [replica, String(sequence)]);
      const answer = await calls.run(Read, (client, p) => client.serinLedgerRead(p, String(LEASE_MS), ...since));
      return answer.kind === 'ok' ? replicas(answer.value, `${calls.prefix}ledger`) : answer;
    },
    follow(onHint) {
      const client = connect();
      client.on('message', (_channel: string, replica: string) => onHint(replica));
      // What was said while the connection was away went unheard.
      client.on('ready', () => onHint(null));
      client.on('error', (error: Error) => logger.debug('ledger hints', { detail: error.message }));
      // The client subscribes again by itself after it has reconnected; polling makes up for hints until then.
      client
        .subscribe(`${calls.prefix}ledger`)
        .catch((error: unknown) => logger.debug('ledger hints not followed yet', { detail: reason(error) }));
      return { stop: () => client.disconnect() };
    },
  };
}

function fieldOf(fleet: string, part: string): string {
  requirePlainName('fleet', fleet);
  requirePlainName('part', part);
  return `${fleet} ${part}`;
}

function replicas(rows: z.infer<typeof Read>, key: string): StoreRead<readonly ReplicaLedger[]> {
  const all: ReplicaLedger[] = [];
  for (const [replica, silentMs, sequence, fields] of rows) {
    if (!PLAIN.test(replica)) return { kind: 'corrupt', key, detail: 'a replica without a plain name' };
    const parts: LedgerPart[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [name = '', text = ''] = fields.slice(i, i + 2);
      const [fleet = '', part = '', more] = name.split(' ');
      if (part === '' || more !== undefined)
        return { kind: 'corrupt', key: `${key}:${replica}`, detail: 'a foreign part' };
      parts.push({ fleet, part, text });
    }
    all.push({ replica, silentMs, sequence, parts });
  }
  return { kind: 'ok', value: all };
}
