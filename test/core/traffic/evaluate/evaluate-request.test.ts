import { describe, expect, it } from 'vitest';
import type { RequestMatch } from '../../../../src/core/model/match.ts';
import type { RouteTraffic } from '../../../../src/core/model/traffic.ts';
import { buildResources } from '../../../../src/core/traffic/build-resources.ts';
import { type Evaluation, evaluateRequest } from '../../../../src/core/traffic/evaluate/evaluate-request.ts';
import type { SampleRequest } from '../../../../src/core/traffic/evaluate/sample-request.ts';
import { backend, revision, route, rule, table } from '../tables.ts';

const [v1, v2] = [revision('shop', 'v1'), revision('shop', 'v2')];
const shop = backend(
  'shop',
  [
    [v1, 9_500],
    [v2, 500],
  ],
  {
    pinned: [v2.key],
    pins: [
      { matches: [{ headers: [{ name: 'x-canary', type: 'Exact', value: 'always' }] }], cluster: 'shop--v2--pin' },
    ],
  },
);

function evaluate(routes: readonly RouteTraffic[], asked: Partial<SampleRequest>): Evaluation {
  const built = buildResources(table(1, [shop, ...routes]));
  const [config] = built.kind === 'ok' ? built.value.routes : [];
  if (config === undefined) throw new Error('no table');
  return evaluateRequest(config, { method: 'GET', host: 'shop.test', path: '/', headers: [], ...asked });
}

const matching = (match: Partial<RequestMatch>) =>
  route('shop', [rule('shop', { matches: [{ headers: [], queryParams: [], ...match }] })]);

const because = (match: Partial<RequestMatch>, asked: Partial<SampleRequest>) =>
  evaluate([matching(match)], asked).passed.at(-1)?.because ?? 'taken';

describe('a request that nothing is for', () => {
  it('goes nowhere where no host is its own', () => {
    const { host, answer } = evaluate([route('a', [rule('shop')], ['other.test'])], {});
    expect([host, answer]).toEqual([null, { kind: 'nowhere' }]);
  });

  it.each([
    [{ path: { type: 'PathPrefix', value: '/a' } }, { path: '/ab' }, 'the path is not at or below /a'],
    [{ path: { type: 'Exact', value: '/a' } }, { path: '/a/' }, 'the path is not /a'],
    [{ path: { type: 'RegularExpression', value: '/a+' } }, { path: '/aab' }, 'the path does not fit /a+'],
    [{ method: 'POST' }, {}, 'the method is not "POST"'],
    [{ grpc: true }, { headers: [['content-type', 'application/grpc-web']] }, 'it is no call of gRPC'],
    [{ headers: [{ name: 'x', type: 'Present' }] }, {}, 'the header x is not there'],
    [{ headers: [{ name: 'x', type: 'Absent' }] }, { headers: [['x', '']] }, 'the header x is there'],
    [
      { headers: [{ name: 'x', type: 'Range', start: 1, end: 3 }] },
      { headers: [['x', '3']] },
      'the header x is no number from 1 to below 3',
    ],
    [{ queryParams: [{ name: 'q', type: 'Prefix', value: 'a' }] }, { path: '/?q=b&q=a' }, 'does not begin with "a"'],
  ] as const)('is told why: %j, %j', (match, asked, reason) => {
    expect(because(match as unknown as RequestMatch, asked as Partial<SampleRequest>)).toContain(reason);
  });
});

describe('a request that something is for', () => {
  it('goes to each arm with the chance of its weight', () => {
    const { answer } = evaluate([route('shop', [rule('shop')])], {});
    expect(answer).toMatchObject({
      kind: 'forward',
      route: { name: 'shop-0' },
      arms: [
        { cluster: 'shop--v1', probability: 0.95 },
        { cluster: 'shop--v2', probability: 0.05 },
      ],
    });
  });

  it('goes to the canary for sure where it is pinned', () => {
    const { answer } = evaluate([route('shop', [rule('shop')])], { headers: [['x-canary', ' always ']] });
    expect(answer).toMatchObject({ kind: 'forward', arms: [{ cluster: 'shop--v2--pin', probability: 1 }] });
  });

  it.each([
    ['SHOP.test:8443', 'exact'],
    ['a.shop.test', 'long'],
    ['shop.org', 'any'],
    ['a.test', 'short'],
  ])('%s is for the most specific host', (host, name) => {
    const routes = [
      ['any', '*'],
      ['short', '*.test'],
      ['long', '*.shop.test'],
      ['exact', 'shop.test'],
    ].map(([one = '', domain = '']) => route(one, [rule('shop')], [domain]));
    expect(evaluate(routes, { host }).host?.host.name).toBe(name);
  });

  it('has one value of a repeated header that fits', () => {
    const match = { headers: [{ name: 'x', type: 'Exact', value: '2' }] } as const;
    const { answer } = evaluate([matching(match)], {
      headers: [
        ['x', '1'],
        ['x', '2'],
      ],
    });
    expect(answer.kind).toBe('forward');
  });

  it('is answered by Envoy where the rule says so', () => {
    const gone = route('shop', [rule('', { name: 'gone', backend: null, respond: { status: 410, body: '' } })]);
    expect(evaluate([gone], {}).answer).toMatchObject({ kind: 'respond', route: { directResponse: { status: 410 } } });
  });
});
