/**
 * Which records a commit wants as it saw them, which rev each of those that it writes has afterwards, and which ids its
 * events got.
 */
export interface Touched {
  readonly reads: readonly { readonly key: string; readonly rev: number }[];
  /** `rev` 0: deleted. */
  readonly writes: readonly { readonly key: string; readonly rev: number }[];
  readonly events: readonly { readonly rolloutId: string; readonly id: string }[];
}

/** What is stored before the first of some commits. */
export interface Held {
  readonly revs: ReadonlyMap<string, number>;
  /** The last id that the events of a rollout have taken, if they have; what cannot be one goes before no other. */
  readonly lastEvents: ReadonlyMap<string, string>;
}

/**
 * The first of some commits in a row that would not be taken as it was, and for which record or events; `null`: all would.
 */
export function firstConflict(
  held: Held,
  commits: readonly Touched[],
): { readonly index: number; readonly key: string } | null {
  const revs = new Map(held.revs);
  const lastEvents = new Map(held.lastEvents);
  for (const [index, { reads, writes, events }] of commits.entries()) {
    const moved = reads.find(({ key, rev }) => (revs.get(key) ?? 0) !== rev);
    if (moved !== undefined) return { index, key: moved.key };
    for (const { key, rev } of writes) {
      revs.set(key, rev);
      const ended = /^rollout\/(.+)$/.exec(key)?.[1];
      if (rev !== 0 || ended === undefined) continue;
      // What its judge knew goes with a rollout, and what is told of it.
      for (const beside of ['judge', 'verdicts']) revs.set(`${beside}/${ended}`, 0);
      lastEvents.delete(ended);
    }
    for (const { rolloutId, id } of events) {
      const last = lastEvents.get(rolloutId);
      if (last !== undefined && !goesBefore(last, id)) return { index, key: `events/${rolloutId}` };
      lastEvents.set(rolloutId, id);
    }
  }
  return null;
}

const EVENT_ID = /^(\d+)-(\d+)$/;

/** Ids are two whole numbers of up to 64 bits. */
function goesBefore(one: string, other: string): boolean {
  const [a, b] = [EVENT_ID.exec(one), EVENT_ID.exec(other)];
  if (a === null || b === null) return false;
  const [ms, laterMs] = [BigInt(a[1] ?? 0), BigInt(b[1] ?? 0)];
  return ms < laterMs || (ms === laterMs && BigInt(a[2] ?? 0) < BigInt(b[2] ?? 0));
}
