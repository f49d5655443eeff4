import { describe, expect, it } from 'vitest';
import type { CounterSeries } from '../../src/core/analysis/judge.ts';
import { RolloutRecord } from '../../src/core/rollout/rollout-record.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { recordRollout } from '../../src/engine/record-rollout.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { planSpec, planStep, push, revision, rollout } from '../support/rollouts.ts';

const SCRAPE_MS = 15_000;

async function recorded(fields: Parameters<typeof rollout>[0] = {}, scrapes = 100, backend: string | null = null) {
  const clock = fakeClock(1_700_000_010_000);
  const store = fakeStore(clock);
  const startMs = clock.now();
  const step = {
    step: 0,
    name: 'one',
    weight: 500,
    committedAtMs: startMs,
    liveAtMs: startMs + 20_000,
    leftAtMs: startMs + 300_000,
  };
  const record = rollout({
    ...{
      phase: 'stepping',
      step: 0,
      routeTimeoutMs: 5_000,
      push: push(['a'], { committedAtMs: startMs, liveAtMs: startMs + 20_000 }),
      history: [step],
    },
    spec: planSpec({
      analysis: [
        { kind: 'latency', name: 'latency', objectiveMs: 250, max: 0.05, minRequests: null, windowMs: 60_000 },
      ],
      judge: { name: 'sequential' },
      strategy: { name: 'any', steps: [planStep({ weight: 500, holdMs: 240_000 })] },
    }),
    ...fields,
  });
  await store.records.commit({
    ...{ events: [], outbox: [], due: [], traffic: [], trials: [], active: [] },
    reads: [{ key: `rollout/${record.id}`, rev: 0 }],
    writes: [{ key: `rollout/${record.id}`, body: RolloutRecord.parse(JSON.parse(JSON.stringify(record))) }],
  });
  const points = (of: (i: number) => number) =>
    Array.from({ length: scrapes }, (_, i) => [startMs - 900_000 + i * SCRAPE_MS + 3_000, of(i)] as const);
  const others = record.joint?.others ?? [];
  const series: CounterSeries[] = [
    ...others.map(({ canary: { cluster } }): CounterSeries => {
      return { proxy: 'a', cluster, family: 'upstream_rq_xx', label: '5', points: points((i) => 2 * i) };
    }),
    { proxy: 'a', cluster: record.canary.cluster, family: 'upstream_rq_xx', label: '5', points: points((i) => i) },
    {
      proxy: 'a',
      cluster: record.stable?.cluster ?? '',
      family: 'upstream_rq_time_bucket',
      label: '250',
      points: points((i) => 10 * i),
    },
    { proxy: 'a', cluster: '', family: 'server_uptime', label: '', points: points((i) => 60 + 15 * i) },
  ];
  const asked: number[] = [];
  await clock.advance(400_000);
  const metrics: Dependencies['metrics'] = {
    counters: async ({ fromMs, toMs }) => {
      asked.push(toMs - fromMs);
      const own = series.map((one) => ({ ...one, points: one.points.filter(([t]) => t >= fromMs && t <= toMs) }));
      const some = own.filter((one) => one.points.length > 0);
      return some.length === 0 ? { kind: 'gap', gap: 'NO_DATA', detail: '' } : { kind: 'ok', series: some };
    },
    scalar: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
    proxies: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
    offsetMs: async () => 0,
    scrapeMs: () => SCRAPE_MS,
  };
  const deps = { ...store, clock, metrics } as unknown as Dependencies;
  return { asked, result: await recordRollout(deps, record.id, backend), startMs };
}

describe('a recording of a rollout', () => {
  it('has its plan, its history, and a line per scrape with the weight that was in force', async () => {
    const { result, asked, startMs } = await recorded();
    if (result.kind === 'error') throw new Error(result.errors[0]?.message);
    const [header, ...lines] = result.value as [object, ...{ t: number; weight: number | null; proxies: object }[]];
    expect(header).toEqual({
      plan: {
        analysis: [{ use: 'latency', name: 'latency', with: { objective: '250ms', window: '1m' } }],
        steps: [{ name: 'step', weight: 5, hold: '4m' }],
        deadline: expect.any(String),
        onInconclusive: 'rollback',
        judge: { name: 'sequential' },
      },
      ...{ scrapeMs: SCRAPE_MS, history: 60, routeTimeoutMs: 5_000, mostEdges: 8 },
    });
    expect(lines.map(({ t, weight }) => [(t - startMs - 3_000) / SCRAPE_MS, weight]).slice(58, 64)).toEqual([
      [-2, 0],
      [-1, 0],
      [0, null],
      [1, null],
      [2, 5],
      [3, 5],
    ]);
    expect(lines[60]?.proxies).toEqual({
      a: { uptime: 960, canary: { rq_xx: { 5: 60 } }, stable: { rq_xx: {}, le: { 250: 600 } } },
    });
    expect(lines).toHaveLength(80);
    expect(Math.max(...asked)).toBeLessThan(40 * SCRAPE_MS);
  });

  describe('of several backends', () => {
    const [canary, stable] = [
      { ...revision('v2'), backend: 'cart', cluster: 'cart--v2' },
      { ...revision('v1'), backend: 'cart', cluster: 'cart--v1' },
    ];
    const trigger = { revision: 'v2', endpoints: null };
    const cart = { backend: 'cart', trigger, fleets: ['edge'], routeTimeoutMs: 9_000, canary, stable };
    const joint = { joint: { fleets: ['edge'], others: [cart] } };
    const shown = async (backend: string | null, more: Parameters<typeof rollout>[0] = {}) => {
      const { result } = await recorded({ ...joint, ...more }, 100, backend);
      if (result.kind === 'error') throw new Error(result.errors[0]?.message);
      const [header, ...lines] = result.value as [object, ...{ proxies: object }[]];
      return { header, proxies: lines[60]?.proxies };
    };

    it('is of the arms of the one that is asked for, with its own timeout, and of the first one else', async () => {
      expect((await shown('cart')).proxies).toEqual({ a: { uptime: 960, canary: { rq_xx: { 5: 120 } } } });
      expect((await shown('cart')).header).toMatchObject({ routeTimeoutMs: 9_000 });
      expect((await shown(null)).proxies).toMatchObject({ a: { canary: { rq_xx: { 5: 60 } } } });
    });

    it('says that requests come in groups where they follow a colour', async () => {
      const spec = planSpec({ joint: { others: ['cart'], colour: { header: 'x-arm' } } });
      expect((await shown('cart', { spec })).header).toMatchObject({ comesInGroups: true });
      expect((await shown('checkout', { spec })).header).not.toHaveProperty('comesInGroups');
      expect((await shown('cart')).header).not.toHaveProperty('comesInGroups');
    });

    it('is refused for a backend that is none of them', async () => {
      const { result } = await recorded(joint, 100, 'pay');
      expect(result.kind === 'error' && result.errors[0]?.message).toContain('is of checkout, cart, and not of "pay"');
    });
  });

  it.each([
    ['has had no step', { history: [] }, 100, 'no step yet'],
    ['Prometheus knows nothing of any more', {}, 0, 'no samples of rollout'],
  ])('is refused for one that %s', async (_, fields, scrapes, words) => {
    const { result } = await recorded(fields, scrapes);
    expect(result.kind === 'error' && result.errors[0]?.message).toContain(words);
  });
});
