import { setTimeout } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Logger } from '../../engine/ports/logger.ts';
import type { StoreRead } from '../../engine/ports/store.ts';
import { beforeDeadline, reason } from './redis-calls.ts';

export interface FollowOptions {
  /** A connection of its own: a blocking read holds up everything behind it. */
  readonly connect: () => Redis;
  readonly key: string;
  readonly fleets: () => Promise<StoreRead<readonly string[]>>;
  readonly onChange: (fleets: readonly string[]) => void;
  readonly logger: Logger;
}

const BLOCK_MS = 1000;
/** A read that is late by so much hangs on a dead connection. */
const GRACE_MS = 2000;
const RETRY_MS = 250;

const Newest = z.array(z.tuple([z.string(), z.array(z.string())])).max(1);
const Read = z
  .array(z.tuple([z.string(), z.array(z.tuple([z.string(), z.array(z.string())]))]))
  .max(1)
  .nullable();

/**
 * Follows the change stream. The first look takes the stream's end; after every failure all fleets are reported
 * once, since changes may have been missed. Never gives up before `stop`; resolves after the first look, whether
 * Redis answered or not, so that a start does not hang on an outage.
 */
export async function followChanges(options: FollowOptions): Promise<{ stop(): Promise<void> }> {
  const follower = new ChangeFollower(options);
  await follower.attempt();
  const ended = follower.run();
  return {
    stop: async () => {
      follower.end();
      await ended;
    },
  };
}

class ChangeFollower {
  private readonly options: FollowOptions;
  private client: Redis | null = null;
  private last: string | null = null;
  private missed = false;
  private readonly stopping = new AbortController();

  constructor(options: FollowOptions) {
    this.options = options;
  }

  end(): void {
    this.stopping.abort();
    this.drop();
  }

  async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const worked = await this.attempt();
      if (!worked) await pause(RETRY_MS, this.stopping.signal);
    }
  }

  /** One look at the stream: its end, or what came since the last look. */
  async attempt(): Promise<boolean> {
    try {
      if (this.last === null) await this.begin();
      else await this.next(this.last);
      return true;
    } catch (error) {
      if (!this.stopping.signal.aborted && !this.missed) {
        this.options.logger.warn('change stream interrupted', { detail: reason(error) });
      }
      this.drop();
      this.missed = true;
      this.last = null;
      return false;
    }
  }

  private async begin(): Promise<void> {
    const client = this.connection();
    const newest = Newest.parse(
      await beforeDeadline(client.xrevrange(this.options.key, '+', '-', 'COUNT', 1), GRACE_MS),
    );
    if (this.missed) {
      const fleets = await this.options.fleets();
      if (fleets.kind !== 'ok') throw new Error(fleets.detail);
      this.report(fleets.value);
      this.missed = false;
    }
    this.last = newest[0]?.[0] ?? '0-0';
  }

  private async next(last: string): Promise<void> {
    const client = this.connection();
    const reading = client.xread('COUNT', 500, 'BLOCK', BLOCK_MS, 'STREAMS', this.options.key, last);
    const entries = Read.parse(await beforeDeadline(reading, BLOCK_MS + GRACE_MS))?.[0]?.[1] ?? [];
    if (entries.length === 0) return;
    this.last = entries.at(-1)?.[0] ?? last;
    // Fields alternate fleet, n.
    this.report([...new Set(entries.flatMap(([, fields]) => fields.filter((_, index) => index % 2 === 0)))]);
  }

  private report(fleets: readonly string[]): void {
    if (fleets.length === 0 || this.stopping.signal.aborted) return;
    try {
      this.options.onChange(fleets);
    } catch (error) {
      this.options.logger.error('a follower of the change stream failed', { detail: reason(error) });
    }
  }

  private connection(): Redis {
    this.client ??= this.options.connect();
    return this.client;
  }

  private drop(): void {
    this.client?.disconnect();
    this.client = null;
  }
}

/** Leaves no listener behind: an outage may last for thousands of pauses. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => {});
}
