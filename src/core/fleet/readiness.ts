import { coverage } from '../analysis/coverage.ts';
import type { CountersResult, EvidenceGap } from '../analysis/judge.ts';

export type Readiness =
  | { readonly kind: 'ready' }
  | { readonly kind: 'not_ready'; readonly detail: string }
  | { readonly kind: 'gap'; readonly gap: EvidenceGap; readonly detail: string };

/**
 * Has every counted node healthy hosts in this cluster? An ACK alone does not say so:
 * Envoy ACKs after the first endpoint answer and health-check round, good or bad.
 * Only samples taken at `sinceMs` or later are believed.
 */
export function hostReadiness(
  counters: CountersResult,
  cluster: string,
  proxies: readonly (string | null)[],
  sinceMs: number,
): Readiness {
  if (counters.kind === 'gap') return counters;
  const healthy = new Map<string, number>();
  for (const series of counters.series) {
    if (series.family !== 'membership_healthy' || series.cluster !== cluster) continue;
    const newest = series.points.at(-1);
    if (newest !== undefined && newest[0] >= sinceMs) healthy.set(series.proxy, newest[1]);
  }
  const { covered, enough } = coverage(proxies, (proxy) => healthy.has(proxy));
  if (!enough) {
    return {
      kind: 'gap',
      gap: 'COVERAGE',
      detail: `${covered} of ${proxies.length} counted Envoys have a fresh sample of cluster ${cluster}`,
    };
  }
  const without = proxies.filter((proxy) => proxy !== null && healthy.get(proxy) === 0);
  if (without.length > 0) {
    return { kind: 'not_ready', detail: `no healthy host of cluster ${cluster} on ${without.join(', ')}` };
  }
  return { kind: 'ready' };
}
