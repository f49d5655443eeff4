import type { Increment } from './increments.ts';
import { NOTHING_ASKED } from './sequential/asked.ts';
import { answersIn } from './sequential/counts.ts';
import { edgeOf } from './sequential/histogram.ts';

/** Requests of one arm and how many of them were bad. */
export interface ArmCounts {
  readonly bad: number;
  readonly requests: number;
}

/**
 * Final answers by class. Their sum is the only honest denominator: `upstream_rq_total` misses requests that found
 * no connection and counts retried ones twice. 4xx, 429 included, are the client's doing and count as good, unless
 * `count` names them.
 */
export function errorCounts(
  grown: readonly Increment[],
  cluster: string,
  count: readonly string[] = NOTHING_ASKED.errors.count,
): ArmCounts {
  const own = grown.filter((one) => one.cluster === cluster);
  const { classes, codes } = answersIn(count);
  const byClass = own.filter(({ family }) => family === 'upstream_rq_xx');
  const byCode = own.filter(({ family, label }) => family === 'upstream_rq' && codes.includes(label));
  const requests = sum(byClass);
  const bad = sum(byClass.filter(({ label }) => classes.includes(label))) + sum(byCode);
  return { bad: Math.min(bad, requests), requests };
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

function sum(grown: readonly Increment[]): number {
  return grown.reduce((total, { value }) => total + value, 0);
}
