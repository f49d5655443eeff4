import fc from 'fast-check';
import type { PathMatch, PinMatch, RequestMatch, ValueMatch } from '../../../../src/core/model/match.ts';
import type { RouteRule } from '../../../../src/core/model/route-rule.ts';
import type { BackendTraffic, OwnerTraffic } from '../../../../src/core/model/traffic.ts';
import { cookiePattern } from '../../../../src/core/traffic/cookie-pattern.ts';
import type { SampleRequest } from '../../../../src/core/traffic/evaluate/sample-request.ts';
import { backend, revision, route } from '../tables.ts';

/** Small alphabets, so that requests meet rules, and rules each other. */
const HOSTS = [
  'a.test',
  'b.a.test',
  'c.b.a.test',
  'a.test.org',
  '*.a.test',
  '*.b.a.test',
  '*.test',
  '*',
  'a.*',
  'a.t*',
];
const ASKED = [
  'a.test',
  'A.TEST',
  'b.a.test:80',
  'c.b.a.test',
  'x.test',
  '.a.test',
  'a.test.',
  'a.tx',
  'a.',
  '[::1]:8080',
  'x',
];
const SEGMENTS = ['a', 'b', 'ab', 'A', 'c.d', '%61', '', 'a;v=1'];
/** The last one is among those that Envoy joins. */
const HEADERS = ['x-a', 'x-b', 'x-n', 'origin'];
const VALUES = [
  '1',
  '2',
  '10',
  '-1',
  '+3',
  '007',
  '9223372036854775807',
  '9223372036854775808',
  '1.5',
  'a',
  'ab',
  'ba',
  'a,a',
  'A',
  'é',
];
const PATTERNS = ['a', 'a.*', '.*a', '[0-9]+', '(a|b)+', '.', 'a?b?', '\\d{1,2}', '(?i)a', '..', '[^a]'];
const COOKIES = ['c', 'd', 'cc'];
const QUERIES = ['q', 'r'];

const path = fc.array(fc.constantFrom(...SEGMENTS), { maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const value = fc.constantFrom(...VALUES);

const compared = (name: fc.Arbitrary<string>): fc.Arbitrary<ValueMatch> =>
  fc.oneof(
    fc.record({ name, type: fc.constantFrom('Exact', 'Prefix', 'Suffix', 'Contains'), value }),
    fc.record({ name, type: fc.constant('RegularExpression' as const), value: fc.constantFrom(...PATTERNS) }),
    fc.record({ name, type: fc.constant('Present' as const) }),
  );

const header: fc.Arbitrary<ValueMatch> = fc.oneof(
  compared(fc.constantFrom(...HEADERS)),
  fc.record({ name: fc.constantFrom(...HEADERS), type: fc.constant('Absent' as const) }),
  fc
    .record({
      name: fc.constantFrom(...HEADERS),
      type: fc.constant('Range' as const),
      start: fc.constantFrom(-2, 0, 2),
      more: fc.constantFrom(1, 9),
    })
    .map(({ more, ...match }) => ({ ...match, end: match.start + more })),
);

const cookie: fc.Arbitrary<ValueMatch> = fc
  .oneof(
    fc.record({
      name: fc.constantFrom(...COOKIES),
      type: fc.constant('Exact' as const),
      value: fc.constantFrom('1', 'a.b', 'a'),
    }),
    fc.record({
      name: fc.constantFrom(...COOKIES),
      type: fc.constant('RegularExpression' as const),
      value: fc.constantFrom('a.*', '\\d+'),
    }),
    fc.record({ name: fc.constantFrom(...COOKIES), type: fc.constant('Present' as const) }),
  )
  .filter((match) => cookiePattern(match) !== '');

const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record({ type: fc.constantFrom('PathPrefix', 'Exact'), value: path }),
  fc.record({
    type: fc.constant('RegularExpression' as const),
    value: fc.constantFrom('/a.*', '/[ab]+', '.*b', '/(a|c\\.d)(/.*)?', '/'),
  }),
);

const plainMatch: fc.Arbitrary<RequestMatch> = fc
  .record({
    path: fc.option(pathMatch, { nil: undefined, freq: 4 }),
    method: fc.option(fc.constantFrom('GET', 'POST', 'HEAD'), { nil: undefined, freq: 1 }),
    headers: fc.array(header, { maxLength: 2, size: 'xsmall' }),
    queryParams: fc.array(compared(fc.constantFrom(...QUERIES)), { maxLength: 1 }),
    cookies: fc.array(cookie, { maxLength: 1 }),
  })
  .map(({ path: at, method, cookies, ...rest }) => ({
    ...rest,
    ...(at === undefined ? {} : { path: at }),
    ...(method === undefined ? {} : { method }),
    ...(cookies.length === 0 ? {} : { cookies }),
  }));

const requestMatch: fc.Arbitrary<RequestMatch> = fc.oneof(
  { weight: 6, arbitrary: plainMatch },
  { weight: 1, arbitrary: plainMatch.map((match) => ({ ...match, grpc: true as const })) },
);

const plain: fc.Arbitrary<Partial<RouteRule>> = fc.constantFrom<Partial<RouteRule>[]>(
  { backend: 'one' },
  { backend: 'two' },
  { backend: 'none' },
  {
    backend: null,
    backends: [
      { backend: 'one', weight: 2_500 },
      { backend: 'two', weight: 7_500 },
    ],
  },
  { backend: null, redirect: { status: 302, host: 'else.test' } },
  { backend: null, respond: { status: 410, body: 'gone' } },
);

const rules = fc
  .array(fc.record({ matches: fc.array(requestMatch, { minLength: 1, maxLength: 2 }), to: plain }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((all) =>
    all.map(
      ({ matches, to }, i): RouteRule => ({ name: `rule-${i}`, backend: null, matches, timeoutMs: 5_000, ...to }),
    ),
  );

const pin: fc.Arbitrary<PinMatch> = plainMatch.filter(
  ({ path: at, method, headers, queryParams, cookies = [] }) =>
    at !== undefined || method !== undefined || headers.length + queryParams.length + cookies.length > 0,
);

/** Cookies of a rollout: who has an arm, by the weight at which they were drawn. */
const TAG = 'a';

function stickyArms(by: 'cookie' | 'hash' | null, canary: number): Partial<BackendTraffic> {
  if (by === null || canary === 0 || canary === 10_000) return {};
  if (by === 'hash') return { sticky: { by, key: { by: 'header', name: 'x-a' } } };
  return { sticky: { by, name: 'c', tag: TAG, maxAgeMs: 60_000, drawn: [...new Set([1, canary])] } };
}

const two: fc.Arbitrary<BackendTraffic> = fc
  .record({
    canary: fc.constantFrom(0, 1, 500, 5_000, 9_999, 10_000),
    pins: fc.array(pin, { maxLength: 2 }),
    by: fc.constantFrom('cookie' as const, 'hash' as const, null),
  })
  .map(({ canary, pins, by }) => {
    const [v1, v2] = [revision('two', 'v1'), revision('two', 'v2')];
    return backend(
      'two',
      [
        [v1, 10_000 - canary],
        [v2, canary],
      ],
      {
        pinned: [v2.key],
        pins: pins.length === 0 ? [] : [{ matches: pins, cluster: `${v2.cluster}--pin` }],
        ...stickyArms(by, canary),
      },
    );
  });

/** Clusters that the tables name. */
export const CLUSTERS = ['one--v1', 'two--v1', 'two--v2', 'two--v2--pin'];

/** One fleet's routes and backends. No hostname stands in two routes, as `apply` sees to it. */
export const owners: fc.Arbitrary<readonly OwnerTraffic[]> = fc
  .record({
    hosts: fc.uniqueArray(fc.constantFrom(...HOSTS), { minLength: 1, maxLength: 6 }),
    all: fc.array(rules, { minLength: 1, maxLength: 3 }),
    two,
  })
  .map(({ hosts, all, two: rolling }) => {
    const used = all.slice(0, hosts.length);
    return [
      backend('one', [[revision('one', 'v1'), 10_000]]),
      rolling,
      ...used.map((own, i) =>
        route(
          `r${i}`,
          own,
          hosts.filter((_, k) => k % used.length === i),
        ),
      ),
    ];
  });

const query = fc.constantFrom(
  '',
  '?',
  '?q',
  '?q=',
  '?q=1',
  '?q=a&q=1',
  '?r=ab&q=10',
  '?r',
  '?x=1&&q=a',
  '?q=%61',
  '?q=a=b',
  '?r=a?q=1',
);
const cookies = fc.constantFrom(
  'c=1',
  'd=a.b',
  'c=a; d=1',
  'x=c=1',
  'cc=1; c=a.b',
  ' c=1',
  'd=1;c=a',
  'c=axb',
  'c=ab;',
  'd=12',
  `c=${TAG}.c`,
  `x=1; c=${TAG}.s1`,
  `c=${TAG}.s500; d=1`,
);

export const request: fc.Arbitrary<SampleRequest> = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'POST', 'HEAD', 'DELETE'),
    host: fc.constantFrom(...ASKED, 'a.test', 'b.a.test'),
    at: path,
    query,
    headers: fc.array(fc.tuple(fc.constantFrom(...HEADERS), fc.oneof(value, fc.constant(''))), { maxLength: 3 }),
    cookies: fc.array(cookies, { maxLength: 2 }),
    type: fc.constantFrom(
      null,
      null,
      'application/grpc',
      'application/grpc+proto',
      'application/grpc-web',
      'text/plain',
      'application/grpc;x=1',
    ),
  })
  .map(({ method, host, at, query: asked, headers, cookies: sent, type }) => ({
    method,
    host,
    path: `${at}${asked}`,
    headers: [
      ...headers,
      ...sent.map((one): [string, string] => ['cookie', one]),
      ...(type === null ? [] : [['content-type', type] as [string, string]]),
    ],
  }));
