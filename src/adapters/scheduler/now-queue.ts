import { randomBytes } from 'node:crypto';
import { Job, Queue, Worker } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import { z } from 'zod';
import { isSubject, type Subject } from '../../core/model/subject.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';

export interface NowQueueOptions {
  /** Where Redis is; the same server as the store's. */
  readonly redis: Pick<
    RedisOptions,
    | ('host' | 'port' | 'path' | 'db' | 'username' | 'password' | 'tls' | 'Connector' | 'reconnectOnError')
    | ('name' | 'sentinels' | 'sentinelUsername' | 'sentinelPassword' | 'sentinelTLS' | 'enableTLSForSentinelMode')
    | ('sentinelRetryStrategy' | 'sentinelCommandTimeout' | 'failoverDetector')
  >;
  readonly prefix: string;
  readonly concurrency: number;
  /** Longest wait for one answer of Redis. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What became of a request to run a subject now. */
export type Enqueued =
  | { readonly kind: 'queued' }
  /** An earlier job for the subject has stood in the way for so long; `active`: some worker claims to run it. */
  | { readonly kind: 'behind'; readonly ageMs: number; readonly active: boolean }
  | { readonly kind: 'failed'; readonly detail: string };

const NAME = 'wake-ups';
/** A worker's blocking read takes at most 10 s; a connection that is silent for longer is dead. */
const BLOCKING_MS = 15_000;
const JobData = z.object({ subject: z.custom<Subject>((text) => typeof text === 'string' && isSubject(text)) });

/**
 * BullMQ, used for one thing: some replica runs this subject now, once at a time. Jobs carry the subject alone and
 * never a delay: a delayed job would hold its deduplication id and swallow every kick until it fires.
 */
export class NowQueue {
  private readonly options: NowQueueOptions;
  private readonly client: Redis;
  private readonly queue: Queue;
  private worker: { readonly bull: Worker; readonly client: Redis } | null = null;

  constructor(options: NowQueueOptions) {
    this.options = options;
    this.client = this.connect({
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
      commandTimeout: options.deadlineMs,
      socketTimeout: 2 * options.deadlineMs,
    });
    this.queue = new Queue(NAME, {
      connection: this.client,
      prefix: options.prefix,
      streams: { events: { maxLen: 100 } },
    });
    this.queue.on('error', (error) => this.trouble('queue', error));
  }

  async add(subject: Subject): Promise<Enqueued> {
    try {
      return await beforeDeadline(this.addNow(subject), this.options.deadlineMs);
    } catch (error) {
      return { kind: 'failed', detail: error instanceof Error ? error.message : String(error) };
    }
  }

  private async addNow(subject: Subject): Promise<Enqueued> {
    const nowMs = this.options.clock.now();
    // Letters first: BullMQ refuses ids that look like its own numbers, and ids with a colon.
    const jobId = `now-${randomBytes(9).toString('hex')}`;
    const job = await this.queue.add(
      'now',
      { subject },
      {
        jobId,
        timestamp: nowMs,
        deduplication: { id: subject.replaceAll(':', '_'), keepLastIfActive: true },
        removeOnComplete: true,
        removeOnFail: true,
      },
    );
    if (job.id === jobId) return { kind: 'queued' };
    const ahead = job.id === undefined ? undefined : await Job.fromId(this.queue, job.id);
    if (ahead === undefined) return { kind: 'queued' };
    return { kind: 'behind', ageMs: nowMs - ahead.timestamp, active: ahead.processedOn !== undefined };
  }

  /** For how long the oldest job has waited for a worker, ms; `null`: none waits, or Redis does not say. */
  async waitingMs(): Promise<number | null> {
    try {
      const [oldest] = await beforeDeadline(this.queue.getWaiting(0, 0), this.options.deadlineMs);
      return oldest === undefined ? null : this.options.clock.now() - oldest.timestamp;
    } catch {
      return null;
    }
  }

  /** Starts to take jobs, with a fresh worker and connection if there was one. `run` must not reject. */
  work(run: (subject: Subject) => Promise<void>): void {
    this.dropWorker();
    const client = this.connect({ maxRetriesPerRequest: null, socketTimeout: BLOCKING_MS });
    const bull = new Worker(
      NAME,
      async (job) => {
        const data = JobData.safeParse(job.data);
        if (data.success) await run(data.data.subject);
        else this.options.logger.error('a job that Serin did not make', { jobId: job.id });
      },
      {
        connection: client,
        prefix: this.options.prefix,
        concurrency: this.options.concurrency,
        lockDuration: 15_000,
        stalledInterval: 5_000,
        // By default a job is given up at its second crash, and its deduplication id with it.
        maxStalledCount: 1_000_000,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
      },
    );
    bull.on('error', (error) => this.trouble('worker', error));
    this.worker = { bull, client };
  }

  /** Resolves when queue and worker reached Redis, or at the deadline; they keep trying either way. */
  async ready(): Promise<boolean> {
    try {
      const both = Promise.all([this.queue.waitUntilReady(), this.worker?.bull.waitUntilReady()]);
      await beforeDeadline(both, this.options.deadlineMs);
      return true;
    } catch {
      return false;
    }
  }

  /** Takes no more jobs; those under way go on. */
  async pause(): Promise<void> {
    await this.atMost(this.worker?.bull.pause(true));
  }

  /** `force` leaves jobs under way to the stall check of other replicas. */
  async close(force: boolean): Promise<void> {
    await this.atMost(this.worker?.bull.close(force));
    this.worker?.client.disconnect();
    this.worker = null;
    await this.atMost(this.queue.close());
    this.client.disconnect();
  }

  private dropWorker(): void {
    const old = this.worker;
    this.worker = null;
    if (old === null) return;
    void this.atMost(old.bull.close(true)).finally(() => old.client.disconnect());
  }

  private async atMost(work: Promise<unknown> | undefined): Promise<void> {
    try {
      await beforeDeadline(Promise.resolve(work), this.options.deadlineMs);
    } catch (error) {
      this.trouble('closing', error);
    }
  }

  private connect(more: Partial<RedisOptions>): Redis {
    const { maxRetriesPerRequest = null, enableOfflineQueue = true, commandTimeout, socketTimeout } = more;
    const client = new Redis({
      ...this.options.redis,
      maxRetriesPerRequest,
      enableOfflineQueue,
      commandTimeout,
      socketTimeout,
      connectTimeout: this.options.deadlineMs,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), 1000),
    });
    client.on('error', (error: Error) => this.trouble('connection', error));
    return client;
  }

  private trouble(part: string, error: unknown): void {
    this.options.logger.debug('wake-up queue', {
      part,
      detail: error instanceof Error ? error.message : String(error),
    });
  }
}

async function beforeDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
