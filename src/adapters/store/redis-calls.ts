import { z } from 'zod';
import type { Unavailable } from '../../engine/ports/store.ts';
import type { StoreClient } from './store-scripts.ts';

/** What the parts of the store share: a client, its prefix, and calls that end in time and never reject. */
export interface RedisCalls {
  /** Prefix of every key, `{serin}:`. */
  readonly prefix: string;
  /**
   * Runs one command and checks the shape of the answer. Rejections, answers of another shape and a passed
   * deadline are `unavailable`. After a deadline the command may still have happened: callers read again.
   */
  run<T>(shape: z.ZodType<T>, command: (client: StoreClient, prefix: string) => Promise<unknown>): Promise<Answer<T>>;
}

export type Answer<T> = { readonly kind: 'ok'; readonly value: T } | Unavailable;

/** `trouble`: why there is no connection; `null`: there is one, or nobody knows. */
export function redisCalls(
  client: StoreClient,
  prefix: string,
  deadlineMs: number,
  trouble: () => string | null = () => null,
): RedisCalls {
  const ready = firstReady(client);
  return {
    prefix,
    run: async (shape, command) => {
      try {
        // Only the very first connection is waited for; later outages fail fast by the client's own settings.
        const work = ready().then(() => command(client, prefix));
        const parsed = shape.safeParse(await beforeDeadline(work, deadlineMs));
        if (parsed.success) return { kind: 'ok', value: parsed.data };
        return { kind: 'unavailable', detail: `unexpected answer from Redis: ${z.prettifyError(parsed.error)}` };
      } catch (error) {
        const why = trouble();
        return { kind: 'unavailable', detail: why === null ? reason(error) : `no connection to Redis: ${why}` };
      }
    },
  };
}

function firstReady(client: StoreClient): () => Promise<void> {
  let seen = client.status === 'ready';
  const ready = new Promise<void>((resolve) => {
    if (seen) return resolve();
    client.once('ready', () => {
      seen = true;
      resolve();
    });
    client.once('end', () => resolve());
  });
  return () => (seen ? Promise.resolve() : ready);
}

/** Rejects when the work takes longer; the work itself goes on. */
export async function beforeDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
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

/** One line for logs and people. Redis quotes no values in its errors, but a script error may quote much else. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // The client's words for it are about its own options.
  if (text.startsWith("Stream isn't writeable")) return 'there is no connection to Redis';
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
