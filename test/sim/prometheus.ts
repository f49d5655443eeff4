import type { CounterSeries, CountersResult } from '../../src/core/analysis/judge.ts';
import type { MetricsSource } from '../../src/engine/ports/metrics-source.ts';
import type { Dice } from './dice.ts';
import type { Envoy } from './envoy.ts';

export type Lie = 'down' | 'empty' | 'stale' | 'nan' | 'warnings' | 'ambiguous';
const LIES = ['down', 'empty', 'stale', 'nan', 'warnings', 'ambiguous'] as const;

interface Counter {
  completed: number;
  failed: number;
  /** Sample time, completed, failed. */
  readonly samples: (readonly [number, number, number])[];
}

export const SCRAPE_MS = 2_000;
const KEPT_SAMPLES = 200;
/** Older than any judge takes for fresh. */
const STALE_MS = 31_000;
/** Requests of one backend at one Envoy. */
const PER_SECOND = 60;

export interface Prometheus {
  /** Counts what was served since the last call by the routes in use. */
  accrue(envoy: Envoy): void;
  scrape(envoys: readonly Envoy[]): void;
  /** Requests that a cluster has answered, of all Envoys and all their lives. */
  requests(cluster: string): number;
  /** A process that begins anew counts from 0. */
  reset(envoyId: string): void;
  counters(
    request: Parameters<MetricsSource['counters']>[0],
    mayLie: boolean,
  ): { readonly answer: CountersResult; readonly lie: Lie | null };
  /** Every answer until the next call is this lie. */
  lies(about: Lie | null): void;
  randomLie(): Lie;
}

/** Counters of every Envoy, sampled like a real Prometheus does, which may also be away, stale or wrong. */
export function prometheus(nowMs: () => number, dice: Dice, failureRate: (cluster: string) => number): Prometheus {
  const byEnvoy = new Map<string, { atMs: number; readonly clusters: Map<string, Counter> }>();
  const everServed = new Map<string, number>();
  let lying: Lie | null = null;
  let staleSinceMs = 0;
  const of = (envoyId: string) => {
    const known = byEnvoy.get(envoyId) ?? { atMs: nowMs(), clusters: new Map<string, Counter>() };
    byEnvoy.set(envoyId, known);
    return known;
  };
  const counter = (clusters: Map<string, Counter>, cluster: string): Counter => {
    const known = clusters.get(cluster) ?? { completed: 0, failed: 0, samples: [] };
    clusters.set(cluster, known);
    return known;
  };
  const accrue = (envoy: Envoy): void => {
    const own = of(envoy.id);
    const seconds = (nowMs() - own.atMs) / 1_000;
    own.atMs = nowMs();
    if (seconds <= 0) return;
    for (const split of envoy.drawn) {
      // Pins take no part: what testers send is not judged.
      if (split[0]?.cluster.endsWith('--pin')) continue;
      for (const { cluster, weight } of split) {
        const requests = (PER_SECOND * seconds * weight) / 10_000;
        const one = counter(own.clusters, cluster);
        one.completed += requests;
        everServed.set(cluster, (everServed.get(cluster) ?? 0) + requests);
        one.failed += requests * failureRate(cluster);
      }
    }
  };
  const points = (
    { samples }: Counter,
    pick: (sample: readonly [number, number, number]) => number,
    fromMs: number,
    toMs: number,
  ): [number, number][] =>
    samples.flatMap((sample): [number, number][] =>
      sample[0] >= fromMs && sample[0] <= toMs ? [[sample[0], Math.floor(pick(sample))]] : [],
    );
  return {
    accrue,
    scrape(envoys) {
      for (const envoy of envoys) {
        accrue(envoy);
        const { clusters } = of(envoy.id);
        for (const name of envoy.clusterNames()) counter(clusters, name);
        for (const one of clusters.values()) {
          one.samples.push([nowMs(), one.completed, one.failed]);
          if (one.samples.length > KEPT_SAMPLES) one.samples.shift();
        }
      }
    },
    requests: (cluster) => everServed.get(cluster) ?? 0,
    reset: (envoyId) => void byEnvoy.set(envoyId, { atMs: nowMs(), clusters: new Map() }),
    lies(about) {
      lying = about;
      staleSinceMs = nowMs();
    },
    randomLie: () => dice.pick('kind of lie', LIES),
    counters({ clusters, families, fromMs, toMs }, mayLie) {
      const lie =
        lying ?? (mayLie && dice.strikes('prometheus lies once', 0.01) ? dice.pick('kind of lie', LIES) : null);
      if (lying === null && lie === 'stale') staleSinceMs = nowMs() - 2 * STALE_MS;
      if (lie === 'down') return { answer: { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'HTTP 503' }, lie };
      if (lie === 'warnings') return { answer: { kind: 'gap', gap: 'WARNINGS', detail: 'partial response' }, lie };
      if (lie === 'empty') return { answer: { kind: 'ok', series: [] }, lie };
      // Nothing new comes; what is there is evidence for as long as it is fresh.
      const endMs = lie === 'stale' ? Math.min(toMs, staleSinceMs) : toMs;
      const fresh = lie === 'stale' && toMs - staleSinceMs <= STALE_MS;
      const series: CounterSeries[] = [];
      for (const [proxy, own] of byEnvoy) {
        for (const cluster of clusters) {
          const one = own.clusters.get(cluster);
          if (one === undefined) continue;
          const add = (
            family: CounterSeries['family'],
            label: string,
            of: (sample: readonly [number, number, number]) => number,
          ) => {
            const found = points(one, of, fromMs, endMs);
            if (found.length === 0) return;
            const last = found.at(-1);
            if (lie === 'nan' && last !== undefined) last[1] = Number.NaN;
            series.push({ proxy, cluster, family, label, points: found });
            if (lie === 'ambiguous') {
              series.push({ proxy, cluster, family, label, points: found.map(([t, v]) => [t, v + 1] as const) });
            }
          };
          for (const family of families) {
            if (family === 'upstream_rq_completed') add(family, '', ([, completed]) => completed);
            if (family === 'upstream_rq_xx') {
              add(family, '2', ([, completed, failed]) => completed - failed);
              add(family, '5', ([, , failed]) => failed);
            }
            if (family === 'membership_healthy') add(family, '', () => 1);
            if (family === 'upstream_rq_active') add(family, '', () => 0);
          }
        }
      }
      return { answer: { kind: 'ok', series }, lie: fresh ? null : lie };
    },
  };
}
