import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPrometheusSource } from '../../../src/adapters/prometheus/prometheus-source.ts';
import { increments } from '../../../src/core/analysis/increments.ts';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import { edgeOf } from '../../../src/core/analysis/sequential/histogram.ts';
import { thresholdJudge } from '../../../src/core/analysis/threshold-judge.ts';
import type { MetricsSource } from '../../../src/engine/ports/metrics-source.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { type PrometheusProcess, startPrometheus } from '../../support/prometheus-process.ts';
import { quiet } from '../../support/quiet-logger.ts';
import { type StubExporter, stubExporter } from './stub-exporter.ts';

const FAMILIES = ['upstream_rq_completed', 'upstream_rq_xx', 'upstream_rq_time_bucket', 'upstream_rq_timeout'] as const;
const clock = createSystemClock();
let exporters: readonly [StubExporter, StubExporter];
let prometheus: PrometheusProcess;
let source: MetricsSource;
const fleets = [{ name: 'edge', selector: { job: 'envoy' }, nodeLabel: 'instance', scrapeIntervalMs: 1_000 }];
let startMs: number;

/** A page as Envoy 1.40 prints it; class series and the histogram only exist after their first event. */
function page(good: number, bad: number): string {
  const cluster = 'envoy_cluster_name="shop--v2"';
  const all = good + bad;
  return [
    'envoy_server_live 1',
    `envoy_cluster_upstream_rq_completed{${cluster}} ${all}`,
    `envoy_cluster_upstream_rq_timeout{${cluster}} 0`,
    `envoy_cluster_upstream_rq_completed{envoy_cluster_name="shop--v2--pin"} 77`,
    ...(good > 0 ? [`envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",${cluster}} ${good}`] : []),
    ...(bad > 0 ? [`envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",${cluster}} ${bad}`] : []),
    `envoy_cluster_external_upstream_rq_xx{envoy_response_code_class="2",${cluster}} ${good}`,
    ...(all > 0
      ? ['100', '250', '1800000', '+Inf'].map(
          (le) => `envoy_cluster_upstream_rq_time_bucket{${cluster},le="${le}"} ${all}`,
        )
      : []),
    '',
  ].join('\n');
}

beforeAll(async () => {
  exporters = [await stubExporter(), await stubExporter()];
  for (const exporter of exporters) exporter.show(page(0, 0));
  prometheus = await startPrometheus(exporters.map(({ address }) => ({ job: 'envoy', address })));
  source = createPrometheusSource({ url: prometheus.url, fleets, clock, logger: quiet });
  startMs = clock.now();
  await seen(({ family, points }) => family === 'upstream_rq_completed' && points.length > 0, 2);
}, 30_000);

afterAll(async () => {
  await prometheus?.close();
  await Promise.all(exporters?.map((exporter) => exporter.stop()) ?? []);
});

async function read(): Promise<readonly CounterSeries[]> {
  const request = { fleet: 'edge', clusters: ['shop--v2', 'shop--v1'], families: FAMILIES };
  const result = await source.counters({ ...request, fromMs: startMs, toMs: clock.now() });
  return result.kind === 'ok' ? result.series : [];
}

/** Waits until as many series as asked for look as wanted. */
async function seen(wanted: (series: CounterSeries) => boolean, count: number): Promise<readonly CounterSeries[]> {
  return vi.waitUntil(
    async () => {
      const series = await read();
      return series.filter(wanted).length >= count && series;
    },
    { timeout: 10_000, interval: 100 },
  );
}

describe('a real Prometheus', () => {
  it('gives every count exactly, the first event of a class included', async () => {
    exporters[0].show(page(100, 20));
    exporters[1].show(page(80, 0));
    const series = await seen(({ label, points }) => label === '2' && points.length > 0, 2);
    const grown = increments(series, startMs);
    const sum = (family: string, label: string) =>
      grown
        .filter((one) => one.family === family && one.label === label)
        .reduce((total, { value }) => total + value, 0);
    expect([sum('upstream_rq_xx', '2'), sum('upstream_rq_xx', '5')]).toEqual([180, 20]);
    expect(sum('upstream_rq_completed', '')).toBe(200);
    expect(sum('upstream_rq_time_bucket', '+Inf')).toBe(200);
    expect(new Set(series.map(({ cluster }) => cluster))).toEqual(new Set(['shop--v2']));
    expect(new Set(series.map(({ proxy }) => proxy))).toEqual(new Set(exporters.map(({ address }) => address)));
  });

  const judge = async (minRequests: number, nowMs: number) =>
    thresholdJudge.assess({
      judge: { name: 'threshold' },
      analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests }],
      arms: { stable: 'shop--v1', canary: 'shop--v2' },
      liveAtMs: startMs,
      nowMs,
      scrapeMs: 1_000,
      counters: { kind: 'ok', series: await read() },
      queries: new Map(),
      proxies: exporters.map(({ address }) => address),
      state: null,
    });

  it('lets the judge fail a canary by what was scraped', async () => {
    const outcome = await judge(200, clock.now());
    expect(outcome.decision).toBe('rollback');
    expect(outcome.verdicts[0]).toMatchObject({ reason: 'OVER_LIMIT', value: 0.1, requests: 200 });
  });

  it('gives the edges that are asked for, however it writes them, and what has none', async () => {
    const request = { fleet: 'edge', clusters: ['shop--v2'], families: FAMILIES };
    const range = { fromMs: startMs, toMs: clock.now() };
    const result = await source.counters({ ...request, ...range, edges: [250, 1_800_000] });
    const series = result.kind === 'ok' ? result.series : [];
    const edges = series.flatMap(({ family, label }) => (family === 'upstream_rq_time_bucket' ? [edgeOf(label)] : []));
    expect(new Set(edges)).toEqual(new Set([250, 1_800_000, Number.POSITIVE_INFINITY]));
    expect(new Set(series.map(({ family }) => family))).toEqual(new Set(FAMILIES));
  });

  it('F14: what was scraped ten minutes ago is no evidence', async () => {
    const outcome = await judge(200, clock.now() + 600_000);
    expect(outcome.decision).toBe('hold');
    expect(outcome.verdicts[0]).toMatchObject({ verdict: 'inconclusive', reason: 'STALE' });
  });

  it('F14/F27: a clock that is an hour off is no evidence, whatever Prometheus answers', async () => {
    const ahead = { ...clock, now: () => clock.now() + 3_600_000 };
    const off = createPrometheusSource({ url: prometheus.url, fleets, clock: ahead, logger: quiet });
    expect(await off.scalar({ query: 'vector(1)', atMs: clock.now() })).toMatchObject({
      kind: 'gap',
      gap: 'CLOCK_SKEW',
    });
  });

  it.each([
    ['F11: vector(1) / vector(0)', 'NOT_FINITE'],
    ['F11: vector(0) / vector(0)', 'NOT_FINITE'],
    ['F11: nothing_like_this', 'NO_DATA'],
    ['F12: envoy_cluster_upstream_rq_completed', 'AMBIGUOUS_RESULT'],
    ['F12: up[10s]', 'BAD_ANSWER'],
    ['F12: "text"', 'BAD_ANSWER'],
  ])('%s is no evidence: %s', async (named, gap) => {
    const query = named.replace(/^F\d+: /, '');
    expect(await source.scalar({ query, atMs: clock.now() })).toMatchObject({ kind: 'gap', gap });
  });

  it.each([
    ['sum(envoy_cluster_upstream_rq_completed{envoy_cluster_name="shop--v2"})', { kind: 'ok', value: 200 }],
    ['scalar(vector(3))', { kind: 'ok', value: 3 }],
    ['sum(', { kind: 'gap', gap: 'SOURCE_REFUSED' }],
    ['up * on() {__name__="envoy_cluster_upstream_rq_timeout"}', { kind: 'gap', gap: 'SOURCE_REFUSED' }],
  ])('answers %s', async (query, expected) => {
    expect(await source.scalar({ query, atMs: clock.now() })).toMatchObject(expected);
  });

  it('knows whom it scrapes', async () => {
    const names = exporters.map(({ address }) => address).sort();
    expect(await source.proxies('edge')).toEqual({ kind: 'ok', names, unnamed: false });
  });

  it('takes an injected value as text', async () => {
    const request = { fleet: 'edge', families: FAMILIES, fromMs: startMs, toMs: clock.now() };
    const result = await source.counters({ ...request, clusters: ['x"} or {__name__=~".+', 'shop--v.'] });
    expect(result).toMatchObject({ kind: 'gap', gap: 'NO_DATA' });
  });

  it('F15: too few requests are no evidence', async () => {
    const outcome = await judge(5_000, clock.now());
    expect(outcome.verdicts[0]).toMatchObject({ verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS', requests: 200 });
  });

  it('F9: that hangs is given up, that is dead is told, and that is back is asked again', async () => {
    const hasty = createPrometheusSource({ url: prometheus.url, timeoutMs: 500, fleets, clock, logger: quiet });
    const ask = () => hasty.scalar({ query: 'vector(1)', atMs: clock.now() });
    expect(await ask()).toMatchObject({ kind: 'ok', value: 1 });
    prometheus.signal('SIGSTOP');
    // All its threads stand still a little later.
    const isGivenUp = async () => {
      const hung = await ask();
      return hung.kind === 'gap' && hung.gap === 'SOURCE_TIMEOUT';
    };
    await vi.waitUntil(isGivenUp, { timeout: 10_000, interval: 10 }).finally(() => prometheus.signal('SIGCONT'));
    await prometheus.kill();
    expect(await ask()).toMatchObject({ kind: 'gap', gap: 'SOURCE_DOWN' });
    await prometheus.restart();
    await vi.waitUntil(async () => (await ask()).kind === 'ok', { timeout: 10_000, interval: 100 });
  });
});
