import { describe, expect, it } from 'vitest';
import type { CounterSeries } from '../../src/core/analysis/judge.ts';
import type { PastMetrics } from '../../src/engine/ports/past-metrics.ts';
import { recordPast } from '../../src/engine/record-past.ts';
import { planSpec, planStep } from '../support/rollouts.ts';

const SCRAPE_MS = 15_000;
const START_MS = 1_700_000_010_000;
const [STABLE, CANARY] = ['shop--v41-00000041', 'shop--v42-00000042'];

/** An hour in which half of the requests go to the canary from minute 30 on. */
function fleet(envoys: number, fields: Partial<PastMetrics> = {}): PastMetrics & { readonly looked: Set<string> } {
  const looked = new Set<string>();
  const names = Array.from({ length: envoys }, (_, i) => `edge-${i}`);
  const grown = (cluster: string, minute: number) =>
    cluster === CANARY ? 10 * Math.max(0, minute - 30) : 20 * minute - 10 * Math.max(0, minute - 30);
  return {
    looked,
    scrapeMs: () => SCRAPE_MS,
    requests: async ({ toMs }) => ({
      kind: 'ok',
      requests: names.flatMap((proxy) =>
        [STABLE, CANARY].map((cluster) => ({ cluster, proxy, requests: grown(cluster, (toMs - START_MS) / 60_000) })),
      ),
    }),
    counters: async ({ proxies = [], clusters, fromMs, toMs }) => {
      const series = proxies.flatMap((proxy) =>
        clusters.map((cluster): CounterSeries => {
          const points: (readonly [number, number])[] = [];
          for (let t = START_MS; t < START_MS + 3_600_000; t += SCRAPE_MS) {
            if (t >= fromMs && t <= toMs) points.push([t, grown(cluster, (t - START_MS) / 60_000)]);
          }
          return { proxy, cluster, family: 'upstream_rq_xx', label: '2', points };
        }),
      );
      for (const proxy of proxies) looked.add(proxy);
      return { kind: 'ok', series };
    },
    ...fields,
  };
}

const minute = (n: number) => START_MS + n * 60_000;
const record = (metrics: PastMetrics, fields: Partial<Parameters<typeof recordPast>[1]> = {}) =>
  recordPast(metrics, {
    plan: planSpec({ backend: 'shop', strategy: { name: 'any', steps: [planStep({ weight: 5_000 })] } }),
    fleets: ['edge'],
    ...{ stable: null, canary: null, weights: null, fromMs: minute(20), toMs: minute(50) },
    ...fields,
  });

describe('a release that is over', () => {
  it('is recorded from its first weight on, of the Envoys that a live judge would look at', async () => {
    const metrics = fleet(200);
    const made = await record(metrics);
    if (made.kind === 'error') throw new Error(made.errors[0]?.message);
    const { lines, arms, proxies, pieces } = made.value;
    expect({ arms, proxies, looked: metrics.looked.size }).toEqual({
      arms: { stable: STABLE, canary: CANARY },
      proxies: { looked: 64, all: 200 },
      looked: 64,
    });
    expect(pieces.map(({ weight, fromMs }) => [weight, (fromMs - START_MS) / 60_000])).toEqual([
      [0, 5],
      [50, 30.25],
    ]);
    const [header, ...scrapes] = lines as [{ history: number }, ...{ t: number; weight: number | null }[]];
    expect(scrapes[header.history]).toMatchObject({ t: minute(30), weight: null });
    expect(scrapes[header.history + 1]).toMatchObject({ t: minute(30.25), weight: 50 });
    expect(scrapes.at(-1)?.t).toBe(minute(49.75));
  });

  it.each([
    [undefined, 0],
    [5_000, 5_000],
    [3_600_000, 60_000],
  ])('settles as long as it would have live: for a timeout of %s', async (routeTimeoutMs, expected) => {
    const made = await record(fleet(1), routeTimeoutMs === undefined ? {} : { routeTimeoutMs });
    expect(made.kind === 'ok' && made.value.lines[0]).toMatchObject({ routeTimeoutMs: expected });
  });

  it.each([
    ['ends before it begins', {}, { toMs: minute(10) }, 'SERIN_REQUEST_INVALID'],
    ['is longer than a rollout', {}, { toMs: minute(600) }, 'SERIN_REQUEST_INVALID'],
    ['gave the canary nothing yet', {}, { toMs: minute(30), canary: CANARY }, 'SERIN_REQUEST_INVALID'],
    [
      'cannot be asked for',
      { requests: async () => ({ kind: 'gap', gap: 'SOURCE_DOWN', detail: 'away' }) as const },
      {},
      'SERIN_METRICS_UNAVAILABLE',
    ],
    [
      'cannot be read',
      { counters: async () => ({ kind: 'gap', gap: 'SOURCE_TIMEOUT', detail: 'slow' }) as const },
      {},
      'SERIN_METRICS_UNAVAILABLE',
    ],
    [
      'has more series than anybody could judge',
      { counters: async () => ({ kind: 'gap', gap: 'TOO_MANY_SERIES', detail: 'many' }) as const },
      {},
      'SERIN_REQUEST_INVALID',
    ],
    [
      'Prometheus has forgotten',
      { requests: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }) as const },
      {},
      'SERIN_NOT_FOUND',
    ],
  ])('is refused where it %s', async (_, metrics, fields, code) => {
    expect(await record(fleet(1, metrics), fields)).toMatchObject({ kind: 'error', errors: [{ code }] });
  });
});
