/** Upper edges of a histogram, rising, without +Inf; `cumulative` has one entry more, the count of all. */
export interface Buckets {
  readonly edges: readonly number[];
  readonly cumulative: readonly number[];
}

/** Requests slower than an edge of the histogram; `null` where it has no such edge. */
export function slowerThan({ edges, cumulative }: Buckets, edge: number): number | null {
  const within = cumulative[edges.indexOf(edge)];
  const all = cumulative.at(-1);
  return within === undefined || all === undefined ? null : all - within;
}

/** Quantile as Prometheus computes it: linear inside a bucket, never beyond the last edge. `null` without requests. */
export function bucketQuantile({ edges, cumulative }: Buckets, q: number): number | null {
  const all = cumulative.at(-1) ?? 0;
  if (!(all > 0)) return null;
  const rank = q * all;
  const index = cumulative.findIndex((count) => count >= rank);
  const upper = edges[index];
  if (upper === undefined) return edges.at(-1) ?? null;
  const lower = edges[index - 1] ?? 0;
  const before = cumulative[index - 1] ?? 0;
  const inside = (cumulative[index] ?? 0) - before;
  return inside === 0 ? lower : lower + ((upper - lower) * (rank - before)) / inside;
}
