import type { Increment } from './increments.ts';

/** Requests of one arm and how many of them were bad. */
export interface ArmCounts {
  readonly bad: number;
  readonly requests: number;
}

/**
 * Final answers by class. Their sum is the only honest denominator: `upstream_rq_total` misses requests that found
 * no connection and counts retried ones twice. 4xx, 429 included, are the client's doing and count as good.
 */
export function errorCounts(grown: readonly Increment[], cluster: string): ArmCounts {
  const classes = grown.filter((one) => one.family === 'upstream_rq_xx' && one.cluster === cluster);
  const requests = sum(classes);
  return { bad: sum(classes.filter(({ label }) => label === '5')), requests };
}

/** `edgeMs: null`: no request took a measurable time. `unmeasurable`: the histogram has no edge that high. */
export type SlowCounts =
  | { readonly kind: 'ok'; readonly counts: ArmCounts; readonly edgeMs: number | null }
  | { readonly kind: 'unmeasurable' };

/**
 * Requests slower than the smallest histogram edge at or above the objective. `n` is the histogram's own count:
 * histograms lag behind the counters by a flush and are never mixed with them. Requests that timed out never reach
 * the histogram, so a hanging canary would look fast: they are added to both numbers.
 */
export function slowCounts(grown: readonly Increment[], cluster: string, objectiveMs: number): SlowCounts {
  const own = grown.filter((one) => one.cluster === cluster);
  const timeouts = sum(own.filter(({ family }) => family === 'upstream_rq_timeout'));
  const buckets = own.filter(({ family }) => family === 'upstream_rq_time_bucket');
  let [slow, measured, widestMs] = [0, 0, 0];
  for (const proxy of new Set(buckets.map((one) => one.proxy))) {
    const edges = buckets
      .filter((one) => one.proxy === proxy)
      .map(({ label, value }) => ({ ms: edgeOf(label), value }));
    const count = edges.find(({ ms }) => ms === Number.POSITIVE_INFINITY)?.value ?? 0;
    const edge = edges.filter(({ ms }) => ms >= objectiveMs && Number.isFinite(ms)).sort((a, b) => a.ms - b.ms)[0];
    if (edge === undefined) {
      if (count > 0) return { kind: 'unmeasurable' };
      continue;
    }
    measured += count;
    slow += Math.max(0, count - edge.value);
    widestMs = Math.max(widestMs, edge.ms);
  }
  const counts = { bad: slow + timeouts, requests: measured + timeouts };
  return { kind: 'ok', counts, edgeMs: widestMs === 0 ? null : widestMs };
}

/** Prometheus 2 keeps `250` as Envoy prints it, Prometheus 3 writes `250.0`. */
function edgeOf(label: string): number {
  return label === '+Inf' ? Number.POSITIVE_INFINITY : Number(label);
}

function sum(grown: readonly Increment[]): number {
  return grown.reduce((total, { value }) => total + value, 0);
}
