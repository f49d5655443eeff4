import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Revision } from '../../../src/core/model/revision.ts';
import type { OwnerTraffic } from '../../../src/core/model/traffic.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import type { EnvoyResources } from '../../../src/core/traffic/envoy-resources.ts';
import type { RouteResource } from '../../../src/core/traffic/route-resource.ts';
import { backend, revision, route, rule, table } from './tables.ts';

const v1 = revision('shop', 'v1');
const v2 = revision('shop', 'v2');

function build(owners: readonly OwnerTraffic[]): EnvoyResources {
  const result = buildResources(table(1, owners));
  if (result.kind === 'error') throw new Error(result.errors.map(({ message }) => message).join('; '));
  return result.value;
}

function errorsOf(owners: readonly OwnerTraffic[]): string[] {
  const result = buildResources(table(1, owners));
  return result.kind === 'error' ? result.errors.map(({ message }) => message) : [];
}

function routesOf(owners: readonly OwnerTraffic[]): readonly RouteResource[] {
  return build(owners).routes[0]?.virtualHosts[0]?.routes ?? [];
}

describe('what is refused before it is sent', () => {
  it('refuses a split that names an absent cluster, and names the owner', () => {
    const ghost = backend('shop', [[v1, 10_000]], { split: [{ cluster: 'shop--gone', weight: 10_000 }] });
    expect(errorsOf([ghost])).toEqual([expect.stringMatching(/backend\/shop: .*shop--gone/)]);
  });

  it('refuses a pin to an absent cluster and a pin that would match everything', () => {
    const pins = [{ matches: [{ headers: [] }], cluster: 'shop--v1--pin' }];
    const errors = errorsOf([backend('shop', [[v1, 10_000]], { pins })]);
    expect(errors).toEqual([expect.stringMatching('does not exist'), expect.stringMatching('no condition')]);
  });

  it.each([
    ['zero', [[v1, 0]]],
    ['less than the total', [[v1, 9_999]]],
    [
      'negative weights',
      [
        [v1, 10_001],
        [v2, -1],
      ],
    ],
    [
      'fractions',
      [
        [v1, 9_999.5],
        [v2, 0.5],
      ],
    ],
  ] as const)('refuses weights: %s', (_name, arms) => {
    expect(errorsOf([backend('shop', arms)])).not.toEqual([]);
  });

  it('refuses cluster names that break statistics, and the same cluster from two owners', () => {
    const dotted = revision('shop', 'v1', { cluster: 'shop.v1' });
    expect(errorsOf([backend('shop', [[dotted, 10_000]])])).toEqual([expect.stringMatching(/shop\.v1/)]);
    const twice = [backend('shop', [[v1, 10_000]]), backend('cart', [[v1, 10_000]])];
    expect(errorsOf(twice)).toEqual([expect.stringMatching(/backend\/cart: .*also defined by backend\/shop/)]);
  });

  it('refuses two routes that claim a hostname, in whatever case', () => {
    const shop = backend('shop', [[v1, 10_000]]);
    const errors = errorsOf([shop, route('a', [rule('shop')], ['x.org']), route('b', [rule('shop')], ['X.org'])]);
    expect(errors).toEqual([expect.stringMatching(/route\/b: hostname X.org is also claimed by route\/a/)]);
  });

  it('refuses a rule without a timeout: Envoy would hide a canary that hangs', () => {
    expect(errorsOf([route('a', [rule('shop', { timeoutMs: 0 })])])).toEqual([expect.stringMatching('timeout')]);
  });
});

describe('clusters and endpoints', () => {
  it('gives static addresses a cluster whose endpoints come by discovery, never in panic mode', () => {
    const { clusters, endpoints } = build([backend('shop', [[v1, 10_000]])]);
    expect(clusters).toMatchObject([
      {
        name: 'shop--v1',
        type: 'EDS',
        edsClusterConfig: { serviceName: 'shop--v1' },
        commonLbConfig: { healthyPanicThreshold: { value: 0 } },
        ignoreHealthOnHostRemoval: true,
      },
    ]);
    expect(endpoints.map(({ clusterName }) => clusterName)).toEqual(['shop--v1']);
  });

  it('lets a health check count at once where the API tells hosts: all of them may be new', () => {
    const healthCheck = {
      path: '/healthz',
      intervalMs: 1_000,
      timeoutMs: 500,
      unhealthyThreshold: 3,
      healthyThreshold: 2,
    };
    const window = (fields: Partial<Revision>) =>
      build([backend('shop', [[{ ...revision('shop', 'v1'), ...fields }, 10_000]])]).clusters[0]?.commonLbConfig;
    expect(window({ endpoints: { kind: 'api' }, healthCheck })).toMatchObject({
      updateMergeWindow: { seconds: 0, nanos: 0 },
    });
    for (const fields of [{ healthCheck }, { endpoints: { kind: 'api' } as const }])
      expect(window(fields)).not.toHaveProperty('updateMergeWindow');
  });

  it('gives pinned requests a second cluster with the same endpoints', () => {
    const { clusters, endpoints } = build([backend('shop', [[v1, 10_000]], { pinned: [v1.key] })]);
    expect(clusters.map(({ name }) => name)).toEqual(['shop--v1', 'shop--v1--pin']);
    expect(clusters[1]).toEqual({ ...clusters[0], name: 'shop--v1--pin' });
    expect(endpoints).toHaveLength(1);
  });

  it('resolves DNS names with IPv4 first, also where a static address is a name', () => {
    const dns = revision('shop', 'v1', { endpoints: { kind: 'dns', host: 'shop.internal', port: 80 } });
    const named = revision('shop', 'v2', {
      endpoints: { kind: 'static', addresses: [{ host: 'localhost', port: 81 }] },
    });
    const { clusters, endpoints } = build([
      backend('shop', [
        [dns, 10_000],
        [named, 0],
      ]),
    ]);
    expect(clusters).toMatchObject([
      { type: 'STRICT_DNS', dnsLookupFamily: 'V4_PREFERRED' },
      { type: 'STRICT_DNS', dnsLookupFamily: 'V4_PREFERRED' },
    ]);
    expect(endpoints).toEqual([]);
  });

  it('does not depend on the role: a cluster is the same as canary, stable, pinned or retired', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), fc.boolean(), fc.boolean(), (weight, pinned, retired) => {
        const alone = build([backend('shop', [[v1, 10_000]])]).clusters[0];
        const arms = retired
          ? ([[v2, 10_000]] as const)
          : ([
              [v2, 10_000 - weight],
              [v1, weight],
            ] as const);
        const other = backend('shop', arms, { revisions: [v1, v2], pinned: pinned ? [v1.key] : [] });
        expect(build([other]).clusters.find(({ name }) => name === 'shop--v1')).toEqual(alone);
      }),
    );
  });

  it('checks health as often without traffic as with it, over HTTP/2 where the backend speaks that', () => {
    const healthCheck = {
      path: '/healthz',
      intervalMs: 1_500,
      timeoutMs: 500,
      healthyThreshold: 2,
      unhealthyThreshold: 3,
    };
    const grpc = revision('shop', 'v1', { protocol: 'grpc', healthCheck });
    const check = build([backend('shop', [[grpc, 10_000]])]).clusters[0];
    expect(check?.healthChecks).toMatchObject([
      {
        interval: { seconds: 1, nanos: 500_000_000 },
        noTrafficInterval: { seconds: 1, nanos: 500_000_000 },
        timeout: { seconds: 0, nanos: 500_000_000 },
        httpHealthCheck: { path: '/healthz', codecClientType: 'HTTP2' },
      },
    ]);
    expect(Object.keys(check?.typedExtensionProtocolOptions ?? {})).toHaveLength(1);
  });
});

describe('routes', () => {
  it('lists every arm in the order given, at weight 0 too, with the timeout', () => {
    expect(
      routesOf([
        backend('shop', [
          [v1, 10_000],
          [v2, 0],
        ]),
        route('web', [rule('shop')]),
      ]),
    ).toEqual([
      {
        name: 'shop-0',
        match: { prefix: '/' },
        route: {
          timeout: { seconds: 5, nanos: 0 },
          weightedClusters: {
            clusters: [
              { name: 'shop--v1', weight: { value: 10_000 } },
              { name: 'shop--v2', weight: { value: 0 } },
            ],
          },
        },
      },
    ]);
  });

  it('puts pins above the weights: rule and pin together, one route per pin', () => {
    const pins = [
      {
        matches: [
          { headers: [{ name: 'x-tester', type: 'Exact' as const, value: '1' }] },
          { headers: [{ name: 'x-team', type: 'Present' as const }] },
        ],
        cluster: 'shop--v2--pin',
      },
    ];
    const shop = backend(
      'shop',
      [
        [v1, 10_000],
        [v2, 0],
      ],
      { pinned: [v2.key], pins },
    );
    const matches = [
      { path: { type: 'PathPrefix' as const, value: '/buy/' }, method: 'GET', headers: [], queryParams: [] },
    ];
    const routes = routesOf([shop, route('web', [rule('shop', { matches })])]);
    expect(routes.map(({ name }) => name)).toEqual(['shop-0-pin-0', 'shop-0-pin-1', 'shop-0']);
    expect(routes[0]?.match).toEqual({
      pathSeparatedPrefix: '/buy',
      headers: [
        { name: ':method', stringMatch: { exact: 'GET' } },
        { name: 'x-tester', stringMatch: { exact: '1' } },
      ],
    });
    expect(routes[0]?.route).toEqual({ timeout: { seconds: 5, nanos: 0 }, cluster: 'shop--v2--pin' });
    expect(routes[1]?.match.headers?.[1]).toEqual({ name: 'x-team', presentMatch: true });
  });

  it('orders matches as Gateway API does: exact, regex, longer prefix, method, more headers, then the document', () => {
    const header = { name: 'a', type: 'Present' as const };
    const path = (type: 'PathPrefix' | 'Exact' | 'RegularExpression', value: string) => ({ path: { type, value } });
    const rest = { headers: [], queryParams: [] };
    const rules = [
      rule('shop', { name: 'all' }),
      rule('shop', { name: 'all-again' }),
      rule('shop', { name: 'short', matches: [{ ...path('PathPrefix', '/a'), ...rest }] }),
      rule('shop', { name: 'headers', matches: [{ ...path('PathPrefix', '/a'), headers: [header], queryParams: [] }] }),
      rule('shop', { name: 'method', matches: [{ ...path('PathPrefix', '/a/'), method: 'GET', ...rest }] }),
      rule('shop', { name: 'long', matches: [{ ...path('PathPrefix', '/a/b'), ...rest }] }),
      rule('shop', { name: 'regex', matches: [{ ...path('RegularExpression', '/.*'), ...rest }] }),
      rule('shop', { name: 'exact', matches: [{ ...path('Exact', '/'), ...rest }] }),
    ];
    const names = routesOf([backend('shop', [[v1, 10_000]]), route('web', rules)]).map(({ name }) => name);
    const order = ['exact', 'regex', 'long', 'method', 'headers', 'short', 'all', 'all-again'];
    expect(names).toEqual(order.map((name) => `${name}-0`));
  });

  it('answers 503 for a backend without a revision instead of letting another rule take its requests', () => {
    const routes = routesOf([backend('shop', []), route('web', [rule('shop'), rule('nobody')])]);
    expect(routes.map(({ directResponse }) => directResponse?.status)).toEqual([503, 503]);
    expect(JSON.stringify(routes[0]?.directResponse)).not.toContain('shop');
  });

  it('names virtual hosts safely and apart', () => {
    const hosts = build([route('a.b', [], ['one.org']), route('a-b', [], ['two.org'])]).routes[0]?.virtualHosts.map(
      ({ name }) => name,
    );
    expect(new Set(hosts).size).toBe(2);
    for (const name of hosts ?? []) expect(name).toMatch(/^[A-Za-z0-9_-]+$/);
  });
});

it('is a function of what the table holds, not of the order it was read in', () => {
  const owners = [
    backend('shop', [
      [v1, 9_000],
      [v2, 1_000],
    ]),
    backend('cart', [[revision('cart', 'v1'), 10_000]]),
    route('web', [rule('shop')], ['a.org']),
    route('api', [rule('cart')], ['b.org']),
  ];
  const expected = build(owners);
  fc.assert(
    fc.property(fc.shuffledSubarray(owners, { minLength: owners.length }), (shuffled) => {
      expect(build(shuffled)).toEqual(expected);
    }),
  );
});
