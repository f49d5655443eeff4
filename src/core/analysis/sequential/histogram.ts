/**
 * A cumulative histogram: of one arm in one scrape of one proxy, or what it grew by. Two lists instead of a map by edge,
 * and the edges shared by all scrapes of an arm: every look at every rollout makes hundreds of these.
 */
export interface Histogram {
  /** Upper edges, ms, ascending; the last may be `Infinity`. */
  readonly edges: readonly number[];
  /** Requests within each edge. */
  readonly counts: readonly number[];
}

export const NO_HISTOGRAM: Histogram = { edges: [], counts: [] };

/** Requests within an edge; `undefined`: the histogram has no such edge. */
export function countWithin({ edges, counts }: Histogram, edgeMs: number): number | undefined {
  const at = edges.indexOf(edgeMs);
  return at === -1 ? undefined : counts[at];
}

export function histogramOf(pairs: readonly (readonly [edgeMs: number, count: number])[]): Histogram {
  const sorted = [...pairs].sort(([a], [b]) => a - b);
  return { edges: sorted.map(([edge]) => edge), counts: sorted.map(([, count]) => count) };
}

/** Prometheus 2 keeps `250` as Envoy prints it, Prometheus 3 writes `250.0`. */
export function edgeOf(label: string): number {
  return label === '+Inf' ? Number.POSITIVE_INFINITY : Number(label);
}

/** The counts of one histogram at the edges of another; `undefined` where it lacks one. */
export function countsAt(histogram: Histogram, edges: readonly number[]): readonly (number | undefined)[] {
  if (histogram.edges === edges) return histogram.counts;
  return edges.map((edge) => countWithin(histogram, edge));
}

/** What several look for, ascending; `null`: all edges, because one of them does. */
export function edgesOfAll(each: readonly (readonly number[] | null)[]): readonly number[] | null {
  if (each.includes(null)) return null;
  return [...new Set(each.flatMap((edges) => edges ?? []))].sort((a, b) => a - b);
}

export function labelOfEdge(edgeMs: number): string {
  return edgeMs === Number.POSITIVE_INFINITY ? '+Inf' : String(edgeMs);
}
