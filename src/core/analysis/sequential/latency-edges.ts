import type { Objective } from './asked.ts';
import type { SequentialSettings } from './settings.ts';

export interface LatencyEdge {
  readonly ms: number;
  /** Share in the latency's evidence; they sum to 1. */
  readonly weight: number;
  /** Of an objective. */
  readonly isObjective: boolean;
}

/** Envoy's own buckets, for an objective that must be placed before any request was timed. */
export const ENVOY_EDGES_MS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

const LEAST_SHARE = 0.001;
const MOST_SHARE = 0.3;

/** Baseline before the canary: how often each edge was passed. */
export interface EdgeHistory {
  readonly timed: number;
  readonly slow: ReadonlyMap<number, number>;
}

/**
 * Chosen once, before the canary gets its first request: else the choice would follow the evidence. The smallest edge
 * at or above an objective has half of the weight, or its part of it where there are several; those that stable passed
 * now and then share the rest (`judge-interface.md` §2.9).
 */
export function chooseEdges(
  { timed, slow }: EdgeHistory,
  objectives: readonly Objective[],
  { mostEdges }: Pick<SequentialSettings, 'mostEdges'>,
): readonly LatencyEdge[] {
  const known = (slow.size === 0 ? [...ENVOY_EDGES_MS] : [...slow.keys()]).sort((a, b) => a - b);
  const wanted = new Set(objectives.flatMap((one) => known.find((ms) => ms >= one.ms) ?? []));
  const asked = [...wanted].sort((a, b) => a - b).slice(0, mostEdges);
  const telling = [...slow]
    .filter(
      ([ms, count]) => !asked.includes(ms) && timed > 0 && count / timed >= LEAST_SHARE && count / timed <= MOST_SHARE,
    )
    .map(([ms]) => ms)
    .sort((a, b) => a - b);
  const others = spread(telling, mostEdges - asked.length);
  const half = (mine: number, theirs: number) => (theirs === 0 ? 1 : 0.5) / mine;
  return [
    ...asked.map((ms) => ({ ms, weight: half(asked.length, others.length), isObjective: true })),
    ...others.map((ms) => ({ ms, weight: half(others.length, asked.length), isObjective: false })),
  ];
}

/** The edge by which an objective is judged; `undefined`: the histogram has none that high. */
export function edgeOfObjective<E extends { readonly edge: LatencyEdge }>(
  edges: readonly E[],
  { ms }: Objective,
): E | undefined {
  return edges.find(({ edge }) => edge.isObjective && edge.ms >= ms);
}

/** So many of them, as far apart as can be. */
function spread(edges: readonly number[], most: number): readonly number[] {
  if (edges.length <= most) return edges;
  return edges.filter((_, i) => Math.floor((i * most) / edges.length) > Math.floor(((i - 1) * most) / edges.length));
}
