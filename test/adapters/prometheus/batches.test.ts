import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPrometheusSource, type PrometheusOptions } from '../../../src/adapters/prometheus/prometheus-source.ts';
import type { CounterFamily, CountersResult } from '../../../src/core/analysis/judge.ts';
import type { MetricsSource } from '../../../src/engine/ports/metrics-source.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { quiet } from '../../support/quiet-logger.ts';
import { json, type StubPrometheus, stubPrometheus } from './stub-prometheus.ts';

const clock = createSystemClock();
const SCRAPE_MS = 1_000;
let prometheus: StubPrometheus;
let source: MetricsSource;
const results: string[] = [];

function open(options: Partial<PrometheusOptions> = {}): MetricsSource {
  const fleets = ['edge', 'mesh'].map((name) => ({
    name,
    selector: { job: name },
    nodeLabel: 'instance',
    scrapeIntervalMs: SCRAPE_MS,
  }));
  const onQuery = (result: string) => void results.push(result);
  return createPrometheusSource({ url: prometheus.url, fleets, clock, logger: quiet, onQuery, ...options });
}

beforeEach(async () => {
  results.length = 0;
  prometheus = await stubPrometheus();
  source = open();
});
afterEach(() => prometheus.stop());

interface Row {
  readonly cluster?: string;
  readonly name?: string;
  readonly instance?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value?: string;
}

const queries = (): string[] => prometheus.requests.map(({ body }) => body.get('query') ?? '');
const asks = (query: string, label: string): readonly string[] =>
  (new RegExp(`${label}=~"([^"]*)"`).exec(query)?.[1] ?? '').replaceAll('\\\\', '').split('|');

/** Answers each query with those of the rows that it selects, every one a second apart over the whole range. */
function serve(rows: readonly Row[], { emptyMatches = true } = {}): void {
  prometheus.answer((response) => {
    const body = prometheus.requests.at(-1)?.body;
    const query = body?.get('query') ?? '';
    const toS = Number(body?.get('time'));
    const fromS = toS - Number(/\[(\d+)ms\]/.exec(query)?.[1]) / 1_000;
    const [names, clusters, proxies] = ['__name__', 'envoy_cluster_name', 'instance'].map((one) => asks(query, one));
    const result = rows.flatMap(({ cluster, name = 'envoy_cluster_upstream_rq_xx', instance = 'a', labels, value }) => {
      const edges = asks(query, 'le').map((edge) => edge.replaceAll('\\', ''));
      const isAsked =
        names?.includes(name) &&
        (!query.includes('le=~') || (edges.includes(labels?.le ?? '') && (emptyMatches || labels?.le !== undefined))) &&
        (cluster === undefined || clusters?.includes(cluster)) &&
        (!query.includes('instance=~') || proxies?.includes(instance));
      if (!isAsked) return [];
      const seconds = Array.from({ length: Math.floor(toS) - Math.ceil(fromS) + 1 }, (_, i) => Math.ceil(fromS) + i);
      const metric = { __name__: name, instance, ...(cluster === undefined ? {} : { envoy_cluster_name: cluster }) };
      return [{ metric: { ...metric, ...labels }, values: seconds.map((s) => [s, value ?? String(s % 1_000)]) }];
    });
    json(response, 200, { status: 'success', data: { resultType: 'matrix', result } });
  });
}

const XX: readonly CounterFamily[] = ['upstream_rq_xx'];
function look(fields: Partial<Parameters<MetricsSource['counters']>[0]> = {}): Promise<CountersResult> {
  const toMs = clock.now();
  return source.counters({
    fleet: 'edge',
    clusters: ['shop--v1', 'shop--v2'],
    families: XX,
    fromMs: toMs - 5_000,
    toMs,
    ...fields,
  });
}
const seen = (result: CountersResult | undefined): readonly string[] =>
  result?.kind === 'ok' ? result.series.map(({ cluster, family, label }) => `${cluster} ${family} ${label}`) : [];

describe('looks at one fleet within a moment', () => {
  it('are one query, and each gets its own clusters', async () => {
    const backends = Array.from({ length: 30 }, (_, i) => `b${i}`);
    serve(backends.flatMap((name) => ['v1', 'v2'].map((v) => ({ cluster: `${name}--${v}` }))));
    const answers = await Promise.all(backends.map((name) => look({ clusters: [`${name}--v1`, `${name}--v2`] })));
    expect(prometheus.requests).toHaveLength(1);
    expect(answers.map(seen)).toEqual(
      backends.map((name) => [`${name}--v1 upstream_rq_xx `, `${name}--v2 upstream_rq_xx `]),
    );
  });

  it('are a query each for another fleet, for a long stretch, and for the processes', async () => {
    serve([
      { cluster: 'shop--v1' },
      { cluster: 'other--v1' },
      { name: 'envoy_server_uptime' },
      { name: 'envoy_server_hot_restart_epoch' },
    ]);
    const toMs = clock.now();
    const families: readonly CounterFamily[] = [...XX, 'server_uptime', 'server_hot_restart_epoch'];
    const [short, mesh, long] = await Promise.all([
      look({ families }),
      look({ fleet: 'mesh', clusters: ['other--v1'] }),
      look({ clusters: ['other--v1'], fromMs: toMs - 30_000, toMs }),
    ]);
    expect(seen(short).toSorted()).toEqual([
      ' server_hot_restart_epoch ',
      ' server_uptime ',
      'shop--v1 upstream_rq_xx ',
    ]);
    expect([seen(mesh), seen(long)]).toEqual([['other--v1 upstream_rq_xx '], ['other--v1 upstream_rq_xx ']]);
    expect(
      queries()
        .map((query) => query.replace(/\[\d+ms\]/, ''))
        .toSorted(),
    ).toEqual([
      '{__name__=~"envoy_cluster_upstream_rq_xx",job="edge",envoy_cluster_name=~"other--v1"}',
      '{__name__=~"envoy_cluster_upstream_rq_xx",job="edge",envoy_cluster_name=~"shop--v1|shop--v2"}',
      '{__name__=~"envoy_cluster_upstream_rq_xx",job="mesh",envoy_cluster_name=~"other--v1"}',
      '{__name__=~"envoy_server_uptime|envoy_server_hot_restart_epoch",job="edge"}',
    ]);
  });

  it('get the samples of their own stretch', async () => {
    serve([{ cluster: 'shop--v1' }]);
    const toMs = Math.floor(clock.now() / 1_000) * 1_000;
    const [two, five] = await Promise.all([
      look({ fromMs: toMs - 2_000, toMs }),
      look({ fromMs: toMs - 5_000, toMs: toMs - 1_000 }),
    ]);
    const times = (result: CountersResult | undefined) =>
      result?.kind === 'ok' ? result.series[0]?.points.map(([tMs]) => toMs - tMs) : [];
    expect([times(two), times(five)]).toEqual([
      [2_000, 1_000, 0],
      [5_000, 4_000, 3_000, 2_000, 1_000],
    ]);
    expect(prometheus.requests).toHaveLength(1);
  });

  it('do not share what is odd about one of them', async () => {
    serve([{ cluster: 'shop--v1', value: 'NaN' }, { cluster: 'cart--v1' }]);
    const [shop, cart, none] = await Promise.all([
      look(),
      look({ clusters: ['cart--v1'] }),
      look({ clusters: ['gone--v1'] }),
    ]);
    expect(shop).toMatchObject({ gap: 'NOT_FINITE' });
    expect(seen(cart)).toEqual(['cart--v1 upstream_rq_xx ']);
    expect(none).toMatchObject({ gap: 'NO_DATA' });
  });

  it('ask for the chosen Envoys alone', async () => {
    serve(['a', 'b', 'c'].map((instance) => ({ cluster: 'shop--v1', instance })));
    const [first, second] = await Promise.all([look({ proxies: ['a'] }), look({ proxies: ['a', 'c'] })]);
    const proxies = (result: CountersResult | undefined) =>
      result?.kind === 'ok' ? result.series.map(({ proxy }) => proxy) : [];
    expect([proxies(first), proxies(second)]).toEqual([['a'], ['a', 'c']]);
    expect(queries()).toEqual([expect.stringContaining(',instance=~"a|c"}')]);
  });

  it('are asked for in portions, one after the other, when the answer to all would be large', async () => {
    const backends = Array.from({ length: 60 }, (_, i) => `b${i}--v1`);
    serve(backends.map((cluster) => ({ cluster })));
    const toMs = clock.now();
    const range = { fromMs: toMs - 20_000, toMs };
    const answers = await Promise.all(backends.map((cluster) => look({ clusters: [cluster], ...range })));
    expect(answers.map(seen)).toEqual(backends.map((cluster) => [`${cluster} upstream_rq_xx `]));
    const asked = queries().map((query) => asks(query, 'envoy_cluster_name'));
    expect(asked.map(({ length }) => length)).toEqual([20, 20, 20]);
    expect(asked.flat().toSorted()).toEqual(backends.toSorted());
  });

  it('are several queries when the names would make one too long', async () => {
    const backends = Array.from({ length: 200 }, (_, i) => `${'long-name-'.repeat(5)}${i}--v1`);
    serve(backends.map((cluster) => ({ cluster })));
    const toMs = clock.now();
    const range = { fromMs: toMs - 1_000, toMs };
    const answers = await Promise.all(backends.map((cluster) => look({ clusters: [cluster], ...range })));
    expect(answers.every(({ kind }) => kind === 'ok')).toBe(true);
    expect(prometheus.requests).toHaveLength(2);
    expect(Math.max(...queries().map(({ length }) => length))).toBeLessThan(8_192);
  });
});

it('asks in halves where the answer is too large', async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({ cluster: 'shop--v1', instance: `e${i}` }));
  serve([{ cluster: 'cart--v1' }, ...rows]);
  const toMs = clock.now();
  const stretch = { fromMs: toMs - 3_000, toMs };
  const [shop, cart] = await Promise.all([
    look({ ...stretch, clusters: ['shop--v1'], proxies: rows.slice(0, 10).map(({ instance }) => instance) }),
    look({ ...stretch, clusters: ['cart--v1'], proxies: ['a'] }),
  ]);
  expect([shop?.kind, cart?.kind]).toEqual(['ok', 'ok']);
  const [all, other] = await Promise.all([
    look({ ...stretch, clusters: ['shop--v1'] }),
    look({ ...stretch, clusters: ['cart--v1'] }),
  ]);
  expect(all.kind === 'gap' ? all.gap : `${all.series.length} series`).toBe('20000 series');
  expect(seen(other)).toEqual(['cart--v1 upstream_rq_xx ']);
}, 30_000);

it('reads every family with its label', async () => {
  const families = [
    ['upstream_rq', { envoy_response_code: '429' }, '429'],
    ['upstream_rq_total', {}, ''],
    ['upstream_rq_per_try_timeout', {}, ''],
    ['upstream_rq_rx_reset', {}, ''],
    ['upstream_rq_retry', {}, ''],
    ['retry_upstream_rq_xx', { envoy_response_code_class: '5' }, '5'],
    ['upstream_rq_time_bucket', { le: '250.0' }, '250'],
    ['upstream_rq_time_bucket', { le: '0.5' }, '0.5'],
    ['upstream_rq_time_bucket', { le: '+Inf' }, '+Inf'],
  ] as const;
  serve(families.map(([name, labels]) => ({ cluster: 'shop--v1', name: `envoy_cluster_${name}`, labels })));
  const answer = await look({ families: [...new Set(families.map(([family]) => family))], codes: ['429'] });
  expect(seen(answer).toSorted()).toEqual(
    families.map(([family, , label]) => `shop--v1 ${family} ${label}`).toSorted(),
  );
  const names = asks(queries()[0] ?? '', '__name__');
  expect(names.every((name) => !/external_|internal_/.test(name))).toBe(true);
});

it('reads of the codes only those that are wanted, and each look its own', async () => {
  const rows = ['200', '429', '503'].map((code) => ({
    ...{ cluster: 'shop--v1', name: 'envoy_cluster_upstream_rq', labels: { envoy_response_code: code } },
  }));
  serve([...rows, { cluster: 'shop--v1' }]);
  const families: readonly CounterFamily[] = [...XX, 'upstream_rq'];
  const [both, one, none] = await Promise.all([
    look({ families, codes: ['429', '503'] }),
    look({ families, codes: ['429'] }),
    look({ families }),
  ]);
  expect(seen(both)).toEqual(['shop--v1 upstream_rq 429', 'shop--v1 upstream_rq 503', 'shop--v1 upstream_rq_xx ']);
  expect(seen(one)).toEqual(['shop--v1 upstream_rq 429', 'shop--v1 upstream_rq_xx ']);
  expect(seen(none)).toEqual(['shop--v1 upstream_rq_xx ']);
  expect(asks(queries()[0] ?? '', 'envoy_response_code')).toEqual(['', '429', '503']);
});

describe('edges of a histogram', () => {
  const families: readonly CounterFamily[] = [...XX, 'upstream_rq_time_bucket'];
  const bucket = (le: string, cluster = 'shop--v1'): Row => ({
    ...{ cluster, name: 'envoy_cluster_upstream_rq_time_bucket', labels: { le } },
  });
  const labels = (result: CountersResult): readonly string[] =>
    result.kind === 'ok' ? result.series.map(({ label }) => label) : [result.gap];

  it('are asked for as they may be written, and each look gets its own beside the count of all', async () => {
    serve([{ cluster: 'shop--v1' }, ...['0.5', '100', '250.0', '1.8e+06', '+Inf'].map((le) => bucket(le))]);
    const [few, more] = await Promise.all([
      look({ families, edges: [250] }),
      look({ families, edges: [0.5, 250, 1_800_000] }),
    ]);
    expect([labels(few), labels(more)]).toEqual([
      ['', '250', '+Inf'],
      ['', '0.5', '250', '1.8e+06', '+Inf'],
    ]);
    expect(queries()).toHaveLength(1);
    expect(asks(queries()[0] ?? '', 'le')).toEqual([
      '',
      '+Inf',
      '0.5',
      '250',
      '250.0',
      '1800000',
      '1800000.0',
      '1.8e+06',
    ]);
  });

  it('are all asked for where one look of several wants them all', async () => {
    serve([{ cluster: 'shop--v1' }, ...['100', '250', '+Inf'].map((le) => bucket(le))]);
    const [few, all] = await Promise.all([look({ families, edges: [250] }), look({ families })]);
    expect([labels(few), labels(all)]).toEqual([
      ['', '250', '+Inf'],
      ['', '100', '250', '+Inf'],
    ]);
    expect(queries()[0]).not.toContain('le=~');
  });

  it('are asked for again, all of them, by whose histogram lacks one: what is not there would look fast', async () => {
    serve([
      ...['shop--v1', 'cart--v1'].map((cluster) => ({ cluster })),
      ...['100', '250', '+Inf'].map((le) => bucket(le)),
      ...['100', '300', '+Inf'].map((le) => bucket(le, 'cart--v1')),
    ]);
    const [shop, cart] = await Promise.all([
      look({ families, clusters: ['shop--v1'], edges: [250] }),
      look({ families, clusters: ['cart--v1'], edges: [250] }),
    ]);
    expect([labels(shop), labels(cart)]).toEqual([
      ['', '250', '+Inf'],
      ['', '100', '300', '+Inf'],
    ]);
    expect(queries().map((query) => [asks(query, 'envoy_cluster_name'), query.includes('le=~')])).toEqual([
      [['shop--v1', 'cart--v1'], true],
      [['cart--v1'], false],
    ]);
  });

  it('are asked for again, with all else, where a server leaves out what has no edge', async () => {
    serve([{ cluster: 'shop--v1' }, ...['250', '+Inf'].map((le) => bucket(le))], { emptyMatches: false });
    expect(labels(await look({ families, edges: [250] }))).toEqual(['', '250', '+Inf']);
  });
});

describe('a server that cannot keep up', () => {
  it('is left alone for as long as it says, and counted', async () => {
    prometheus.answer((response) => response.writeHead(429, { 'retry-after': '60' }).end());
    expect(await look()).toMatchObject({ gap: 'SOURCE_REFUSED', detail: expect.stringContaining('HTTP 429') });
    expect(await look()).toMatchObject({ gap: 'SOURCE_REFUSED', detail: expect.stringContaining('in 60 s') });
    expect(await source.proxies('edge')).toMatchObject({ gap: 'SOURCE_REFUSED' });
    expect(prometheus.requests).toHaveLength(1);
    expect(results).toEqual(['SOURCE_REFUSED']);
  });

  it('is asked on where one query alone took too long', async () => {
    prometheus.answer((r) => json(r, 503, { status: 'error', errorType: 'timeout', error: 'query timed out' }));
    await source.scalar({ query: 'sum(a)', atMs: clock.now() });
    await source.scalar({ query: 'sum(b)', atMs: clock.now() });
    expect(prometheus.requests).toHaveLength(2);
  });
});

describe('the clock of the source', () => {
  it('is read without a time of ours, seldom, and kept through an outage', async () => {
    const startMs = clock.now();
    let monotonicMs = 0;
    const now = () => startMs + monotonicMs;
    prometheus.answer((response) => {
      const seconds = now() / 1_000 + 7;
      const result = [seconds, String(seconds)];
      json(response, 200, { status: 'success', data: { resultType: 'scalar', result } });
    });
    source = open({ clock: { now, setTimer: clock.setTimer, monotonicMs: () => monotonicMs } });
    expect(await source.offsetMs()).toBe(7_000);
    await source.offsetMs();
    expect(prometheus.requests).toHaveLength(1);
    expect([...(prometheus.requests[0]?.body.keys() ?? [])]).toEqual(['query', 'timeout']);
    monotonicMs = 60_000;
    prometheus.answer((response) => response.writeHead(400).end());
    expect(await source.offsetMs()).toBe(7_000);
    expect(prometheus.requests).toHaveLength(2);
  });

  it('is read anew as soon as ours was set: after a failover the store may live in another time', async () => {
    const sourceMs = clock.now();
    let aheadMs = 0;
    prometheus.answer((response) => {
      const result = [sourceMs / 1_000, String(sourceMs / 1_000)];
      json(response, 200, { status: 'success', data: { resultType: 'scalar', result } });
    });
    const now = () => sourceMs + aheadMs;
    source = open({ clock: { now, setTimer: clock.setTimer, monotonicMs: () => 0 } });
    expect(await source.offsetMs()).toBe(0);
    aheadMs = 2_000;
    expect(await source.offsetMs()).toBe(-2_000);
    await source.offsetMs();
    expect(prometheus.requests).toHaveLength(2);
    // and where the source is silent just then, by how much ours was set is known all the same
    prometheus.answer((response) => response.writeHead(400).end());
    aheadMs = 5_000;
    expect(await source.offsetMs()).toBe(-5_000);
    expect(prometheus.requests).toHaveLength(3);
  });
});
