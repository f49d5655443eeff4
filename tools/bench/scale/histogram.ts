/** Cumulative counts by upper bound, in seconds, of one histogram of an exposition. */
export type Buckets = ReadonlyMap<number, number>;

export function bucketsOf(exposition: string, name: string): Buckets {
  const rows = exposition.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\d+)`, 'gm'));
  return new Map(
    [...rows].map(([, le, count]) => [le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), Number(count)]),
  );
}

/** What came between two readings. */
export function grown(before: Buckets, after: Buckets): Buckets {
  return new Map([...after].map(([le, count]) => [le, count - (before.get(le) ?? 0)]));
}

export const total = (buckets: Buckets): number => buckets.get(Number.POSITIVE_INFINITY) ?? 0;

/** As Prometheus does it: by straight lines between the bounds; above the last bound there is only that bound. */
export function quantile(buckets: Buckets, share: number): number {
  const rank = share * total(buckets);
  let [below, lower] = [0, 0];
  for (const [le, count] of [...buckets].toSorted(([a], [b]) => a - b)) {
    if (count >= rank && count > below) {
      return Number.isFinite(le) ? lower + ((rank - below) / (count - below)) * (le - lower) : lower;
    }
    [below, lower] = [count, Number.isFinite(le) ? le : lower];
  }
  return Number.NaN;
}
