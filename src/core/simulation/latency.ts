import type { Latency } from './world.ts';

/** Envoy's own edges of `upstream_rq_time`, ms, up to the longest time that a request may take. */
export const EDGES_MS: readonly number[] = [
  ...[0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000],
  ...[300_000, 600_000, 1_800_000, 3_600_000],
];

/** Quantile 0.99 of the standard normal distribution. */
const Z99 = 2.3263478740408408;
/** Rarer than this is never seen. */
const NEVER = 1e-7;

/** Share of requests that take longer than an edge. */
export function slowerThan({ p50Ms, p99Ms }: Latency, edgeMs: number): number {
  const spread = Math.log(p99Ms / p50Ms) / Z99;
  const distance = Math.log(edgeMs / p50Ms);
  if (spread === 0) return distance < 0 ? 1 : 0;
  const share = upperTail(distance / spread);
  if (share < NEVER) return 0;
  return share > 1 - NEVER ? 1 : share;
}

/** Upper tail of the standard normal distribution: Chebyshev fit of erfc (Press et al.), to 1.2e-7 of itself. */
function upperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const fit = FIT.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  const tail = 0.5 * t * Math.exp(-x * x - 1.26551223 + fit);
  return z >= 0 ? tail : 1 - tail;
}

const FIT = [
  ...[0, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807],
  ...[-1.13520398, 1.48851587, -0.82215223, 0.17087277],
];
