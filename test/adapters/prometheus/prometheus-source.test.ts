import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPrometheusSource, type PrometheusOptions } from '../../../src/adapters/prometheus/prometheus-source.ts';
import type { CountersResult, ScalarResult } from '../../../src/core/analysis/judge.ts';
import type { Clock } from '../../../src/engine/ports/clock.ts';
import type { Logger } from '../../../src/engine/ports/logger.ts';
import type { MetricsSource } from '../../../src/engine/ports/metrics-source.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { json, type StubPrometheus, stubPrometheus } from './stub-prometheus.ts';

const clock = createSystemClock();
const lines: string[] = [];
const record = (message: string, fields?: object) => lines.push(JSON.stringify({ message, ...fields }));
const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };

let prometheus: StubPrometheus;
let source: MetricsSource;

function open(options: Partial<PrometheusOptions> = {}) {
  const fleets = [{ name: 'edge', selector: { job: 'envoy' }, nodeLabel: 'instance', scrapeIntervalMs: 1_000 }];
  return createPrometheusSource({ url: prometheus.url, timeoutMs: 5_000, fleets, clock, logger, ...options });
}

beforeEach(async () => {
  lines.length = 0;
  prometheus = await stubPrometheus();
  source = open();
});
afterEach(() => prometheus.stop());

const nowS = () => clock.now() / 1000;
const scalar = (from = source): Promise<ScalarResult> => from.scalar({ query: 'up', atMs: clock.now() });
const counters = (from = source): Promise<CountersResult> => {
  const toMs = clock.now();
  const families = ['upstream_rq_completed', 'upstream_rq_xx', 'upstream_rq_time_bucket'] as const;
  return from.counters({ fleet: 'edge', clusters: ['shop--v1', 'shop--v2'], families, fromMs: toMs - 10_000, toMs });
};
const metric = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  __name__: `envoy_cluster_${name}`,
  envoy_cluster_name: 'shop--v2',
  instance: 'a:9901',
  ...labels,
});

describe('a good answer', () => {
  it('is one number from a vector or a scalar', async () => {
    prometheus.answerWith('vector', [{ metric: {}, value: [nowS(), '0.25'] }]);
    expect(await scalar()).toMatchObject({ kind: 'ok', value: 0.25 });
    prometheus.answerWith('scalar', [nowS(), '3e-05']);
    expect(await scalar()).toMatchObject({ kind: 'ok', value: 0.000_03 });
  });

  it('is every raw sample since the given moment', async () => {
    const t = Math.floor(nowS());
    prometheus.answerWith('matrix', [
      {
        metric: metric('upstream_rq_completed'),
        values: [
          [t - 60, '1'],
          [t - 5.25, '7'],
          [t - 1, '12'],
        ],
      },
      { metric: metric('upstream_rq_xx', { envoy_response_code_class: '5' }), values: [[t - 1, '2']] },
      { metric: metric('upstream_rq_time_bucket', { le: '+Inf' }), values: [[t - 1, '10']] },
      { metric: metric('upstream_rq_xx', { envoy_response_code_class: '2' }), values: [[t - 60, '2']] },
    ]);
    const at = { proxy: 'a:9901', cluster: 'shop--v2' };
    expect(await counters()).toEqual({
      kind: 'ok',
      series: [
        {
          ...at,
          family: 'upstream_rq_completed',
          label: '',
          points: [
            [t * 1000 - 5_250, 7],
            [t * 1000 - 1_000, 12],
          ],
        },
        { ...at, family: 'upstream_rq_xx', label: '5', points: [[t * 1000 - 1_000, 2]] },
        { ...at, family: 'upstream_rq_time_bucket', label: '+Inf', points: [[t * 1000 - 1_000, 10]] },
      ],
    });
  });

  it('is put together from several queries when the stretch is long', async () => {
    const t = Math.floor(nowS());
    prometheus.answer((response) => {
      const { query = '', time = '' } = Object.fromEntries(prometheus.requests.at(-1)?.body ?? []);
      const fromS = Number(time) - Number(/\[(\d+)ms\]/.exec(query)?.[1]) / 1000;
      const values = Array.from({ length: 120 }, (_, i) => [t - 119 + i, `${i}`] as const);
      const inRange = values.filter(([seconds]) => seconds >= fromS && seconds <= Number(time));
      const result = [{ metric: metric('upstream_rq_xx', { envoy_response_code_class: '2' }), values: inRange }];
      json(response, 200, { status: 'success', data: { resultType: 'matrix', result } });
    });
    const range = { fromMs: (t - 119) * 1000, toMs: t * 1000 };
    const result = await source.counters({
      fleet: 'edge',
      clusters: ['shop--v2'],
      families: ['upstream_rq_xx'],
      ...range,
    });
    expect(prometheus.requests).toHaveLength(3);
    const points = Array.from({ length: 120 }, (_, i) => [(t - 119 + i) * 1000, i]);
    expect(result).toMatchObject({ kind: 'ok', series: [{ label: '2', points }] });
  });

  it('may carry infos', async () => {
    prometheus.answerWith('scalar', [nowS(), '1'], { infos: ['metric might not be a counter'] });
    expect(await scalar()).toMatchObject({ kind: 'ok' });
  });
});

describe('a request', () => {
  it('is one POST with anchored names, escaped values and a time limit', async () => {
    const odd = [{ name: 'edge', selector: { job: 'a"}\\b\nc' }, nodeLabel: 'instance', scrapeIntervalMs: 1_000 }];
    await open({ fleets: odd }).counters({
      fleet: 'edge',
      clusters: ['', 'a.b|c"'],
      families: ['upstream_rq_xx', 'upstream_rq_timeout'],
      fromMs: 1_000_000,
      toMs: 1_012_345,
    });
    expect(prometheus.requests).toHaveLength(1);
    const [request] = prometheus.requests;
    expect([request?.method, request?.path]).toEqual(['POST', '/api/v1/query']);
    expect(Object.fromEntries(request?.body ?? [])).toEqual({
      query:
        '{__name__=~"envoy_cluster_upstream_rq_xx|envoy_cluster_upstream_rq_timeout",' +
        'job="a\\"}\\\\b\\nc",envoy_cluster_name=~"a\\\\.b\\\\|c\\""}[12346ms]',
      time: '1012.345',
      timeout: '5000ms',
    });
  });

  it('keeps the path of the URL and sends userinfo as basic auth', async () => {
    const url = prometheus.url.replace('//', '//me:p%40ss@');
    await scalar(open({ url: `${url}/prometheus/` }));
    expect(prometheus.requests[0]?.path).toBe('/prometheus/api/v1/query');
    expect(prometheus.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  it('sends a bearer token and extra headers', async () => {
    await scalar(open({ bearerToken: 'hunter2', headers: { 'x-scope-orgid': 'shop' } }));
    expect(prometheus.requests[0]?.headers).toMatchObject({ authorization: 'Bearer hunter2', 'x-scope-orgid': 'shop' });
  });

  it('does not obey proxy variables', async () => {
    const before = process.env.HTTP_PROXY;
    process.env.HTTP_PROXY = 'http://127.0.0.1:9';
    try {
      prometheus.answerWith('scalar', [nowS(), '1']);
      expect(await scalar()).toMatchObject({ kind: 'ok' });
    } finally {
      if (before === undefined) delete process.env.HTTP_PROXY;
      else process.env.HTTP_PROXY = before;
    }
  });

  it('is not made for a fleet without metrics or without a cluster', async () => {
    const nothing = { clusters: ['x'], families: ['upstream_rq_xx'], fromMs: 0, toMs: 1 } as const;
    expect(await source.counters({ ...nothing, fleet: 'other' })).toMatchObject({ gap: 'NO_DATA' });
    expect(await source.counters({ ...nothing, fleet: 'edge', clusters: [''] })).toMatchObject({ gap: 'NO_DATA' });
    expect(prometheus.requests).toHaveLength(0);
    expect([source.scrapeMs('edge'), source.scrapeMs('other')]).toEqual([1_000, null]);
  });
});

const text =
  (status: number, body: string, type = 'text/html') =>
  (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  };
const apiError = (status: number, errorType: string, error: string) => (response: ServerResponse) =>
  json(response, status, { status: 'error', errorType, error });
const data =
  (resultType: string, result: unknown, extra: object = {}) =>
  (response: ServerResponse) =>
    json(response, 200, { status: 'success', data: { resultType, result }, ...extra });
const one = (value: unknown) => data('vector', [{ metric: {}, value: [nowS(), value] }]);

describe('an odd answer to a query is no number', () => {
  it.each<[string, (response: ServerResponse) => void, string, string]>([
    ['F11: no series', data('vector', []), 'NO_DATA', 'no series'],
    ['F11: +Inf', one('+Inf'), 'NOT_FINITE', '+Inf'],
    ['-Inf', one('-Inf'), 'NOT_FINITE', '-Inf'],
    ['F11: NaN', one('NaN'), 'NOT_FINITE', 'NaN'],
    ['a scalar NaN', (r) => data('scalar', [nowS(), 'NaN'])(r), 'NOT_FINITE', 'NaN'],
    ['a number, not a string', one(1), 'BAD_ANSWER', 'malformed'],
    ['a word', one('many'), 'BAD_ANSWER', 'not a number'],
    ['an empty word', one(''), 'BAD_ANSWER', 'not a number'],
    ['hexadecimal', one('0x10'), 'BAD_ANSWER', 'not a number'],
    [
      'F12: two series',
      data(
        'vector',
        [1, 2].map((n) => ({ metric: { n: `${n}` }, value: [1, '1'] })),
      ),
      'AMBIGUOUS_RESULT',
      '2 series',
    ],
    ['F12: a matrix', data('matrix', [{ metric: {}, values: [[1, '1']] }]), 'BAD_ANSWER', 'matrix'],
    ['F12: a string', data('string', [1, 'x']), 'BAD_ANSWER', 'string'],
    ['an unknown type', data('<b>', []), 'BAD_ANSWER', 'unknown type'],
    ['a native histogram', data('vector', [{ metric: {}, histogram: [1, {}] }]), 'BAD_ANSWER', 'histograms'],
    ['a malformed scalar', data('scalar', ['1', 2]), 'BAD_ANSWER', 'malformed'],
    ['F14: an old answer', (r) => data('scalar', [nowS() - 61, '1'])(r), 'STALE', '61 s'],
    ['F13: warnings', data('scalar', [1, '1'], { warnings: ['partial response from store-3'] }), 'WARNINGS', 'store-3'],
    ['an error with status 200', apiError(200, 'execution', 'boom'), 'SOURCE_REFUSED', 'boom'],
    ['no data field', (r) => json(r, 200, { status: 'success' }), 'BAD_ANSWER', 'not one of'],
    ['null', text(200, 'null', 'application/json'), 'BAD_ANSWER', 'not one of'],
    ['an empty body', text(200, ''), 'BAD_ANSWER', 'not one of'],
    ['HTML with status 200', text(200, '<html>login</html>'), 'BAD_ANSWER', 'not one of'],
    ['HTML with status 502', text(502, '<html>bad gateway</html>'), 'SOURCE_DOWN', 'HTTP 502'],
    ['truncated JSON', text(200, '{"status":"success","data":{"resu'), 'BAD_ANSWER', 'not one of'],
    ['a parse error', apiError(400, 'bad_data', 'parse error at char 3'), 'SOURCE_REFUSED', 'parse error at char 3'],
    ['an execution error', apiError(422, 'execution', 'many-to-many matching'), 'SOURCE_REFUSED', 'many-to-many'],
    ['a query that ran out of time', apiError(503, 'timeout', 'query timed out'), 'SOURCE_TIMEOUT', 'timed out'],
    ['F9: 503', text(503, 'starting'), 'SOURCE_DOWN', 'HTTP 503'],
    ['504', text(504, ''), 'SOURCE_TIMEOUT', 'HTTP 504'],
    ['F9: 429', text(429, ''), 'SOURCE_REFUSED', 'HTTP 429'],
    ['401', text(401, ''), 'SOURCE_REFUSED', 'credentials'],
    ['404', text(404, 'page not found'), 'SOURCE_REFUSED', 'HTTP 404'],
    [
      'F14: a clock far behind',
      (r) => r.setHeader('date', 'Tue, 01 Jan 2019 00:00:00 GMT').end(OK),
      'CLOCK_SKEW',
      'behind',
    ],
    [
      'F14: a clock far ahead',
      (r) => r.setHeader('date', 'Tue, 01 Jan 2199 00:00:00 GMT').end(OK),
      'CLOCK_SKEW',
      'ahead',
    ],
    ['more than 4 MiB', (r) => r.end(' '.repeat(5 << 20)), 'BAD_ANSWER', 'larger than 4 MiB'],
    ['a gzip bomb', bomb, 'BAD_ANSWER', 'larger than 4 MiB'],
    ['a connection reset', (r) => r.socket?.resetAndDestroy(), 'SOURCE_DOWN', 'cannot be reached'],
    ['a connection cut in mid-body', cut, 'SOURCE_DOWN', 'cannot be reached'],
  ])('%s', async (_name, reply, reason, words) => {
    prometheus.answer(reply);
    const result = await scalar();
    expect(result).toMatchObject({ kind: 'gap', gap: reason });
    expect(result).toHaveProperty('detail', expect.stringContaining(words));
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['silence', () => undefined],
    ['a byte now and then', trickle],
  ])('%s', async (_name, reply) => {
    prometheus.answer(reply);
    const detail = expect.stringContaining('300 ms');
    expect(await scalar(open({ timeoutMs: 300 }))).toMatchObject({ kind: 'gap', gap: 'SOURCE_TIMEOUT', detail });
  });

  it('a refused connection', async () => {
    await prometheus.stop();
    expect(await scalar()).toMatchObject({
      kind: 'gap',
      gap: 'SOURCE_DOWN',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('a redirect, which is not followed', async () => {
    const elsewhere = await stubPrometheus();
    elsewhere.answerWith('scalar', [nowS(), '1']);
    prometheus.answer((r) => r.writeHead(302, { location: `${elsewhere.url}/api/v1/query` }).end());
    const result = await scalar();
    await elsewhere.stop();
    expect(result).toMatchObject({ gap: 'BAD_ANSWER', detail: expect.stringContaining('redirects are not followed') });
    expect(elsewhere.requests).toHaveLength(0);
  });

  it('any JSON whatever', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.constantFrom('vector', 'matrix', 'scalar', 'string'), async (value, type) => {
        prometheus.answerWith(type, value);
        expect((await counters()).kind).toBe('gap');
        expect((await scalar()).kind).toBe('gap');
      }),
      { numRuns: 50 },
    );
  });
});

const OK = JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [1, '1'] } });

function bomb(response: ServerResponse): void {
  response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(64 << 20)));
}

function trickle(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(timer));
}

function cut(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('{"status":', () => response.socket?.destroy());
}

describe('odd counters are no evidence', () => {
  const values = () => [[nowS() - 1, '1']];
  const xx = (labels: Readonly<Record<string, string>>) => ({
    metric: metric('upstream_rq_xx', labels),
    values: values(),
  });
  it.each<[string, () => unknown, string, string, string]>([
    ['no series', () => [], 'matrix', 'NO_DATA', 'no series match'],
    ['only old samples', () => [{ ...xx({}), values: [[1, '1']] }], 'matrix', 'NO_DATA', 'no series match'],
    ['NaN', () => [{ ...xx({}), values: [[nowS(), 'NaN']] }], 'matrix', 'NOT_FINITE', 'NaN'],
    ['+Inf', () => [{ ...xx({}), values: [[nowS(), '+Inf']] }], 'matrix', 'NOT_FINITE', '+Inf'],
    ['a number, not a string', () => [{ ...xx({}), values: [[nowS(), 1]] }], 'matrix', 'BAD_ANSWER', 'malformed'],
    ['a vector', () => [{ metric: {}, value: [1, '1'] }], 'vector', 'BAD_ANSWER', 'vector'],
    [
      'native histograms',
      () => [{ metric: metric('upstream_rq_xx'), histograms: [] }],
      'matrix',
      'BAD_ANSWER',
      'histograms',
    ],
    ['both kinds of samples', () => [{ ...xx({}), histograms: [] }], 'matrix', 'BAD_ANSWER', 'histograms'],
    [
      'no node label',
      () => [{ metric: { ...metric('upstream_rq_xx'), instance: undefined }, values: values() }],
      'matrix',
      'BAD_ANSWER',
      'no label instance',
    ],
    [
      'a copy by caller',
      () => [{ metric: metric('external_upstream_rq_xx'), values: values() }],
      'matrix',
      'BAD_ANSWER',
      'not asked for',
    ],
    [
      'two targets with one name',
      () => [xx({ pod: 'a' }), xx({ pod: 'b' })],
      'matrix',
      'AMBIGUOUS_RESULT',
      'several targets',
    ],
    [
      '20,001 series',
      () => Array.from({ length: 20_001 }, () => ({ metric: {}, values: [] })),
      'matrix',
      'TOO_MANY_SERIES',
      '20001',
    ],
  ])('%s', async (_name, result, type, reason, words) => {
    prometheus.answerWith(type, result());
    const answer = await counters();
    expect(answer).toMatchObject({ kind: 'gap', gap: reason });
    expect(answer).toHaveProperty('detail', expect.stringContaining(words));
  });
});

describe('secrets', () => {
  it('never reach a detail or the log', async () => {
    const url = prometheus.url.replace('//', '//me:sesame@');
    const echo = `proxy http://me:sesame@10.0.0.1 refused Bearer hunter2 and ${Buffer.from('me:sesame').toString('base64')}`;
    const details: unknown[] = [];
    for (const reply of [
      apiError(400, 'bad_data', echo),
      data('scalar', [1, '1'], { warnings: [echo] }),
      apiError(503, 'x', echo),
    ]) {
      prometheus.answer(reply);
      details.push(await scalar(open({ url })), await scalar(open({ url, bearerToken: 'hunter2' })));
    }
    await prometheus.stop();
    details.push(await scalar(open({ url, bearerToken: 'hunter2' })));
    const shown = JSON.stringify([details, lines]);
    expect(shown).not.toMatch(/sesame|hunter2|bWU6/);
    expect(lines.length).toBeGreaterThan(0);
  });

  it('stay out of what is thrown for a bad URL', () => {
    expect(() => open({ url: 'ftp://me:sesame@host' })).toThrow(/^the Prometheus URL is not an http or https URL$/);
  });

  it('foreign text is one short line', async () => {
    prometheus.answer(apiError(400, 'bad_data', `a\r\n\u001b[31mb${'x'.repeat(5_000)}`));
    const { detail } = (await scalar()) as Extract<ScalarResult, { kind: 'gap' }>;
    expect(detail).not.toMatch(/[\p{Cc}]/u);
    expect(detail.length).toBeLessThan(400);
  });
});

it('logs an outage once, and its end', async () => {
  prometheus.answer(text(401, ''));
  await scalar();
  await scalar();
  prometheus.answerWith('scalar', [nowS(), '1']);
  await scalar();
  await scalar();
  expect(lines.map((line) => JSON.parse(line).message)).toEqual([
    'metrics source gives no evidence',
    'metrics source answers again',
  ]);
});

it('takes its deadline from the clock it is given', async () => {
  let fire: () => void = () => undefined;
  const manual: Clock = {
    now: () => clock.now(),
    monotonicMs: () => 0,
    setTimer: (_afterMs, callback) => {
      fire = callback;
      return { cancel: () => undefined };
    },
  };
  prometheus.answer(() => fire());
  expect(await scalar(open({ clock: manual, timeoutMs: 60_000 }))).toMatchObject({ gap: 'SOURCE_TIMEOUT' });
});

it('refuses a label that could break out of a matcher', () => {
  const fleets = [
    { name: 'edge', selector: { 'job="x"} or up{a': 'b' }, nodeLabel: 'instance', scrapeIntervalMs: 1_000 },
  ];
  expect(() => open({ fleets })).toThrow('is no label name');
});

describe('whom Prometheus scrapes', () => {
  const up = (instance: string, ageS = 0) => ({ metric: { instance }, value: [nowS(), String(nowS() - ageS)] });

  it('is every proxy with a fresh sample, once, in order', async () => {
    prometheus.answerWith('vector', [up('b:9901'), up('a:9901', 5), up('old:9901', 3_600)]);
    expect(await source.proxies('edge')).toEqual({ kind: 'ok', names: ['a:9901', 'b:9901'], unnamed: false });
  });

  it('says when there are series that carry no name', async () => {
    prometheus.answerWith('vector', [up('a:9901'), { metric: {}, value: [nowS(), String(nowS())] }]);
    expect(await source.proxies('edge')).toEqual({ kind: 'ok', names: ['a:9901'], unnamed: true });
  });

  it.each([
    ['an outage', async () => await prometheus.stop()],
    ['what is no vector', async () => prometheus.answerWith('scalar', [nowS(), '1'])],
  ])('is unknown after %s', async (_, given) => {
    await given();
    expect(await source.proxies('edge')).toMatchObject({ kind: 'gap' });
  });

  it('is unknown for a fleet without metrics', async () => {
    expect(await source.proxies('mesh')).toMatchObject({ kind: 'gap', gap: 'NO_DATA' });
  });
});

describe('requests of a time that is over', () => {
  const requests = (fleet = 'edge') =>
    open().requests({ fleet, clusters: ['a.b'], prefix: 'shop--', fromMs: clock.now() - 60_000, toMs: clock.now() });
  const one = { envoy_cluster_name: 'shop--v2', instance: 'a:9901' };

  it('come by cluster and Envoy, of those named and those that begin so', async () => {
    prometheus.answerWith('vector', [{ metric: one, value: [nowS(), '12.5'] }]);
    const row = { cluster: 'shop--v2', proxy: 'a:9901', requests: 12.5 };
    expect(await requests()).toEqual({ kind: 'ok', requests: [row] });
    expect(prometheus.requests[0]?.body.get('query')).toBe(
      'sum by (envoy_cluster_name, instance) (increase(envoy_cluster_upstream_rq_completed{job="envoy",envoy_cluster_name=~"a\\\\.b|shop--.+"}[60000ms]))',
    );
  });

  it.each([
    ['no series', [], 'NO_DATA'],
    ['no Envoy', [{ metric: { envoy_cluster_name: 'shop--v2' }, value: [0, '1'] }], 'BAD_ANSWER'],
    ['no cluster', [{ metric: { instance: 'a' }, value: [0, '1'] }], 'BAD_ANSWER'],
    ['no number', [{ metric: one, value: [0, 'many'] }], 'BAD_ANSWER'],
    ['no finite number', [{ metric: one, value: [0, '+Inf'] }], 'NOT_FINITE'],
    ['too many', new Array(20_001).fill({ metric: one, value: [0, '1'] }), 'TOO_MANY_SERIES'],
  ])('are none where there is %s', async (_, result, gap) => {
    prometheus.answerWith('vector', result);
    expect(await requests()).toMatchObject({ kind: 'gap', gap });
  });

  it('are none of a fleet that nobody measures', async () => {
    expect(await requests('mesh')).toMatchObject({ kind: 'gap', gap: 'NO_DATA' });
  });
});
