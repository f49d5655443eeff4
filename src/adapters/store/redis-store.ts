import { Redis } from 'ioredis';
import { CommitTail } from '../../core/chain/commit-tail.ts';
import { SHAPES, type Shapes } from '../../core/model/schema.ts';
import type { LedgerStore } from '../../engine/ports/ledger.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Replication } from '../../engine/ports/replication.ts';
import type {
  AuditLog,
  CensusTaker,
  DecisionLog,
  DueSet,
  Outbox,
  RecordIndex,
  RecordStore,
  Suspects,
  TrafficFeed,
  TrafficReader,
} from '../../engine/ports/store.ts';
import type { StoreArchive } from '../../engine/ports/store-archive.ts';
import type { StoreLineage } from '../../engine/ports/store-lineage.ts';
import type { StoreTail } from '../../engine/ports/store-tail.ts';
import { newerRecords } from './newer-records.ts';
import { randomName } from './random-name.ts';
import { HASH_TAG, type RedisConnection, redisAddress } from './redis-address.ts';
import { redisArchive } from './redis-archive.ts';
import { redisAudit } from './redis-audit.ts';
import { reason, redisCalls } from './redis-calls.ts';
import { redisCensus } from './redis-census.ts';
import { redisDecisions } from './redis-decisions.ts';
import { redisDueSet } from './redis-due-set.ts';
import { redisHealth, type StoreHealth } from './redis-health.ts';
import { redisIndex } from './redis-index.ts';
import { redisLedger } from './redis-ledger.ts';
import { redisLineage } from './redis-lineage.ts';
import { redisOutbox } from './redis-outbox.ts';
import { redisRecords } from './redis-records.ts';
import { redisReplication } from './redis-replication.ts';
import { redisTail } from './redis-tail.ts';
import { redisTraffic } from './redis-traffic.ts';
import { withStoreScripts } from './store-scripts.ts';
import { createWitness, type WitnessMemory } from './witness.ts';

/** So much each replica keeps of what was committed last. */
export const TAIL_LIMITS = { bytes: 32 * 1024 * 1024, commits: 50_000 };

export interface RedisStoreOptions extends WitnessMemory {
  readonly connection: RedisConnection;
  /** Hash tag before every key. @default '{serin}' */
  readonly prefix?: string;
  /** Longest wait for one answer. @default 2000 */
  readonly deadlineMs?: number;
  /** What raises traffic waits until so many replicas of the server have it. @default 0 */
  readonly waitForReplicas?: number;
  /** What is known about shapes of records. @default all that this Serin knows */
  readonly shapes?: Shapes;
  /** What is kept of the last commits, over restarts. @default in memory alone */
  readonly tail?: CommitTail;
  readonly logger: Logger;
}

export interface RedisStore {
  readonly records: RecordStore;
  readonly traffic: TrafficFeed & TrafficReader;
  readonly outbox: Outbox;
  readonly due: DueSet;
  readonly suspects: Suspects;
  readonly ledger: LedgerStore;
  readonly counts: CensusTaker;
  readonly archive: StoreArchive;
  readonly lineage: StoreLineage;
  readonly tail: StoreTail;
  readonly keys: RecordIndex;
  readonly audit: AuditLog;
  readonly decisions: DecisionLog;
  /** `null`: nothing waits for replicas. */
  readonly replication: Replication | null;
  /** Keys whose records need a newer Serin and were left alone since the start. */
  leftAlone(): readonly string[];
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
  const {
    prefix = HASH_TAG,
    deadlineMs = 2000,
    waitForReplicas = 0,
    shapes = SHAPES,
    tail = new CommitTail(TAIL_LIMITS),
    logger,
  } = options;
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
  let trouble: string | null = null;
  client.on('error', (error: Error) => {
    trouble = connectionTrouble(error);
    logger.debug('store connection', { detail: error.message });
  });
  client.on('ready', () => {
    trouble = null;
  });
  client.on('close', () => logger.debug('store connection closed'));
  const calls = redisCalls(withStoreScripts(client), `${prefix}:`, deadlineMs, () => trouble);
  const witness = createWitness(randomName(), options);
  const newer = newerRecords(shapes, logger);
  const due = redisDueSet(calls, randomName());
  const blocking = (): Redis => {
    const own = new Redis({
      ...address,
      maxRetriesPerRequest: null,
      connectTimeout: deadlineMs,
      retryStrategy: () => null,
    });
    own.on('error', (error: Error) => logger.debug('stream connection', { detail: error.message }));
    return own;
  };
  const listening = (more: { maxRetriesPerRequest?: number; commandTimeout?: number } = {}): Redis => {
    const own = new Redis({ ...address, connectTimeout: deadlineMs, retryStrategy: comeBackMs, ...more });
    own.on('error', (error: Error) => logger.debug('store connection', { detail: error.message }));
    return own;
  };
  const replication =
    waitForReplicas === 0
      ? null
      : redisReplication({ connect: listening, prefix: `${prefix}:`, copies: waitForReplicas, logger });
  return {
    records: redisRecords(calls, witness, newer, tail),
    traffic: redisTraffic(calls, witness, newer, blocking, logger),
    outbox: redisOutbox(calls),
    due,
    suspects: due,
    ledger: redisLedger(calls, () => listening(), logger),
    counts: redisCensus(calls),
    archive: redisArchive(calls, shapes),
    lineage: redisLineage(calls, witness, newer),
    tail: redisTail(calls, { tail, witness, shapes }, blocking, logger),
    keys: redisIndex(calls),
    audit: redisAudit(calls),
    decisions: redisDecisions(calls),
    replication,
    leftAlone: () => newer.met(),
    health: () => redisHealth(calls, 'cluster' in options.connection),
    close: () => {
      replication?.close();
      client.disconnect();
    },
  };
}

/** The client's words, and where to look if they are about certificates, which name no setting. */
function connectionTrouble(error: Error): string {
  const words = reason(error);
  return /certificate|altname|ssl|tls/i.test(words) ? `${words} (see redis.tls)` : words;
}

/** When a connection that broke is tried again. */
function comeBackMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), 1000);
}
