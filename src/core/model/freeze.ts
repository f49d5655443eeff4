import { z } from 'zod';
import { Moment } from './moment.ts';

/** A point in the history of a store: how many commits of this epoch there were, and a hash over all of them. */
export interface StorePoint {
  readonly epoch: string;
  readonly n: number;
  readonly hash: string;
}

/** Why nobody uses the store until a person has decided. */
export interface Freeze {
  readonly reason: 'replaced' | 'lost' | 'diverged' | 'import';
  /** What a replica had seen, and what it found instead; `null`: an import that is under way, or was cut off. */
  readonly seen: { readonly epoch: string; readonly n: number } | null;
  readonly found: { readonly epoch: string; readonly n: number } | null;
  /** Epoch ms of the store's clock. */
  readonly atMs: number;
  /** Which replica, or import, froze it. */
  readonly by: string;
}

const Point = z.looseObject({ epoch: z.string(), n: z.coerce.number() });
const Stored = z.looseObject({
  reason: z.enum(['replaced', 'lost', 'diverged', 'import']),
  seen: Point.nullable().default(null),
  found: Point.nullable().default(null),
  atMs: z.coerce.number().pipe(Moment).default(0),
  by: z.string().default(''),
});

/** What cannot be read is a freeze all the same. */
export function parseFreeze(text: string): Freeze {
  try {
    return Stored.parse(JSON.parse(text));
  } catch {
    return { reason: 'replaced', seen: null, found: null, atMs: 0, by: '' };
  }
}

export function freezeSummary({ reason, seen, found }: Freeze): string {
  const commits = (point: Freeze['seen']) => (point === null ? '?' : String(point.n));
  switch (reason) {
    case 'import':
      return 'an import into the store is under way, or was cut off';
    case 'replaced':
      return 'the store is another one than before: its epoch does not follow from the one that was seen';
    case 'lost':
      return `the store has lost commits: ${commits(seen)} were seen, it holds ${commits(found)}`;
    case 'diverged':
      return `the store has another history than the one that was seen: its commit ${commits(seen)} is a different one`;
  }
}
