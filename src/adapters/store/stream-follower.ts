import { setTimeout } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from '../../engine/ports/logger.ts';
import { beforeDeadline, reason } from './redis-calls.ts';

export interface StreamFollowing {
  /** For the log. */
  readonly name: string;
  /** A connection of its own: a blocking read holds up everything behind it. */
  readonly connect: () => Redis;
  /** The first look, and the one after a failure, when entries may have been missed. Resolves to where to read on. */
  readonly begin: (client: Redis, missed: boolean) => Promise<string>;
  /** What came after an id, waiting for so long; resolves to the id of the last entry. */
  readonly next: (client: Redis, last: string, blockMs: number) => Promise<string>;
  readonly logger: Logger;
}

const BLOCK_MS = 1000;
/** A read that is late by so much hangs on a dead connection. */
const GRACE_MS = 2000;
const RETRY_MS = 250;

/**
 * Follows a stream. Never gives up before `stop`; resolves after the first look, whether Redis answered or not, so that
 * a start does not hang on an outage.
 */
export async function followStream(following: StreamFollowing): Promise<{ stop(): Promise<void> }> {
  const follower = new StreamFollower(following);
  await follower.attempt();
  const ended = follower.run();
  return {
    stop: async () => {
      follower.end();
      await ended;
    },
  };
}

class StreamFollower {
  private readonly following: StreamFollowing;
  private client: Redis | null = null;
  private last: string | null = null;
  private missed = false;
  private readonly stopping = new AbortController();

  constructor(following: StreamFollowing) {
    this.following = following;
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

  /** One look at the stream: where it is to be read from, or what came since the last look. */
  async attempt(): Promise<boolean> {
    const { begin, next, connect, name, logger } = this.following;
    try {
      this.client ??= connect();
      if (this.last === null) {
        this.last = await beforeDeadline(begin(this.client, this.missed), GRACE_MS);
        this.missed = false;
      } else this.last = await beforeDeadline(next(this.client, this.last, BLOCK_MS), BLOCK_MS + GRACE_MS);
      return true;
    } catch (error) {
      if (!this.stopping.signal.aborted && !this.missed) {
        logger.warn(`${name} interrupted`, { detail: reason(error) });
      }
      this.drop();
      this.missed = true;
      this.last = null;
      return false;
    }
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
