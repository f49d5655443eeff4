import { Redis } from 'ioredis';
import type { LedgerStore } from '../../engine/ports/ledger.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type {
  AuditLog,
  CensusTaker,
  DueSet,
  Outbox,
  RecordIndex,
  RecordStore,
  TrafficFeed,
  TrafficReader,
} from '../../engine/ports/store.ts';
import type { StoreArchive } from '../../engine/ports/store-archive.ts';
import type { StoreLineage } from '../../engine/ports/store-lineage.ts';
import { type RedisConnection, redisAddress } from './redis-address.ts';
import { redisArchive } from './redis-archive.ts';
import { redisAudit } from './redis-audit.ts';
import { redisCalls } from './redis-calls.ts';
import { redisCensus } from './redis-census.ts';
import { redisDueSet } from './redis-due-set.ts';
import { redisHealth, type StoreHealth } from './redis-health.ts';
import { redisIndex } from './redis-index.ts';
import { redisLedger } from './redis-ledger.ts';
import { redisLineage } from './redis-lineage.ts';
import { redisOutbox } from './redis-outbox.ts';
import { randomName, redisRecords } from './redis-records.ts';
import { redisTraffic } from './redis-traffic.ts';
import { withStoreScripts } from './store-scripts.ts';
import { createWitness } from './witness.ts';

export interface RedisStoreOptions {
  readonly connection: RedisConnection;
  /** Hash tag before every key. @default '{serin}' */
  readonly prefix?: string;
  /** Longest wait for one answer. @default 2000 */
  readonly deadlineMs?: number;
  readonly logger: Logger;
}

export interface RedisStore {
  readonly records: RecordStore;
  readonly traffic: TrafficFeed & TrafficReader;
  readonly outbox: Outbox;
  readonly due: DueSet;
  readonly ledger: LedgerStore;
  readonly counts: CensusTaker;
  readonly archive: StoreArchive;
  readonly lineage: StoreLineage;
  readonly keys: RecordIndex;
  readonly audit: AuditLog;
  health(): Promise<StoreHealth>;
  /** Drops the connections; followers are stopped by whoever started them. */
  close(): void;
}

/**
 * The store on Redis. Returns at once: the first calls wait for the first connection, up to their deadline; every
 * later outage is answered fast as `unavailable`, and the connection comes back by itself. Throws a `TypeError`
 * for a connection URL that is none.
 */
export function createRedisStore(options: RedisStoreOptions): RedisStore {
  const { prefix = '{serin}', deadlineMs = 2000, logger } = options;
  const address = redisAddress(options.connection);
  const client = new Redis({
    ...address,
    // A command that was under way when the connection broke may have happened: it is never sent twice, and fails
    // at once instead of at its deadline.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    commandTimeout: deadlineMs,
    // A route that has moved on leaves connections that look open and carry nothing.
    socketTimeout: 2 * deadlineMs,
    connectTimeout: deadlineMs,
    retryStrategy: comeBackMs,
  });
  client.on('error', (error: Error) => logger.debug('store connection', { detail: error.message }));
  client.on('close', () => logger.debug('store connection closed'));
  const calls = redisCalls(withStoreScripts(client), `${prefix}:`, deadlineMs);
  const witness = createWitness(randomName());
  const blocking = (): Redis => {
    const own = new Redis({
      ...address,
      maxRetriesPerRequest: null,
      connectTimeout: deadlineMs,
      retryStrategy: () => null,
    });
    own.on('error', (error: Error) => logger.debug('change stream connection', { detail: error.message }));
    return own;
  };
  const listening = (): Redis => new Redis({ ...address, connectTimeout: deadlineMs, retryStrategy: comeBackMs });
  return {
    records: redisRecords(calls, witness),
    traffic: redisTraffic(calls, witness, blocking, logger),
    outbox: redisOutbox(calls),
    due: redisDueSet(calls),
    ledger: redisLedger(calls, listening, logger),
    counts: redisCensus(calls),
    archive: redisArchive(calls),
    lineage: redisLineage(calls, witness),
    keys: redisIndex(calls),
    audit: redisAudit(calls),
    health: () => redisHealth(calls),
    close: () => client.disconnect(),
  };
}

/** When a connection that broke is tried again. */
function comeBackMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), 1000);
}
