import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RouteRule } from '../../../src/core/model/route-rule.ts';
import type { BackendTraffic } from '../../../src/core/model/traffic.ts';
import type { RouteResource } from '../../../src/core/traffic/route-resource.ts';
import { ruleRoutes } from '../../../src/core/traffic/rule-routes.ts';
import { backend, revision, rule } from './tables.ts';

const ANY = { headers: [], queryParams: [] };
const arms = (name: string, canary: number, more: Partial<BackendTraffic> = {}) =>
  backend(
    name,
    [
      [revision(name, 'v1'), 10_000 - canary],
      [revision(name, 'v2'), canary],
    ],
    more,
  );
const pinned = (name: string, header: string) =>
  arms(name, 500, {
    pins: [{ matches: [{ headers: [{ name: header, type: 'Present' }] }], cluster: `${name}--v2--pin` }],
  });
const both = (first: number): RouteRule =>
  rule('', {
    name: 'both',
    backend: null,
    backends: [
      { backend: 'a', weight: first },
      { backend: 'b', weight: 10_000 - first },
    ],
  });

function routes(one: RouteRule, ...backends: readonly BackendTraffic[]): readonly RouteResource[] {
  return ruleRoutes(one, ANY, 0, new Map(backends.map((traffic) => [traffic.backend, traffic])));
}

const shares = (one: RouteResource | undefined) =>
  Object.fromEntries((one?.route?.weightedClusters?.clusters ?? []).map(({ name, weight }) => [name, weight.value]));

describe('a rule whose backend has a colour', () => {
  const colour = {
    header: 'x-arm',
    arms: [
      { cluster: 'a--v1', value: 'stable' },
      { cluster: 'a--v2', value: 'canary' },
    ],
  };
  const set = (value: string) => [{ header: { key: 'x-arm', value }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' }];

  it('writes it in place of what the request says, in the split and where the request has an arm already', () => {
    const matches = [{ headers: [{ name: 'x-arm', type: 'Exact', value: 'canary' } as const], cookies: [] }];
    const pins = [{ matches, cluster: 'a--v2' }];
    const [pin, split] = routes(rule('a', { name: 'all' }), arms('a', 500, { colour, pins }));
    expect(pin?.route?.weightedClusters?.clusters).toMatchObject([
      { name: 'a--v2', requestHeadersToAdd: set('canary') },
    ]);
    expect(split?.route?.weightedClusters?.clusters).toMatchObject([
      { name: 'a--v1', requestHeadersToAdd: set('stable') },
      { name: 'a--v2', requestHeadersToAdd: set('canary') },
    ]);
  });
});

describe('a rule with several backends', () => {
  it('multiplies its shares with the splits of its backends', () => {
    const [only] = routes(both(9_000), arms('a', 500), arms('b', 0));
    expect(shares(only)).toEqual({
      'a--v1': 9_000 * 9_500,
      'a--v2': 9_000 * 500,
      'b--v1': 1_000 * 10_000,
      'b--v2': 0,
    });
  });

  it('always sums to the same total, so that a growing canary moves nobody back', () => {
    const weight = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(weight, weight, weight, (first, a, b) => {
        const [only] = routes(both(first), arms('a', a), arms('b', b));
        expect(Object.values(shares(only)).reduce((sum, value) => sum + value, 0)).toBe(100_000_000);
      }),
    );
  });

  it('pins each of them by itself, the narrower matches first', () => {
    const all = routes(both(5_000), pinned('a', 'x-a'), pinned('b', 'x-b'));
    expect(all.map(({ match }) => (match.headers ?? []).map(({ name }) => name).join())).toEqual([
      'x-b,x-a',
      'x-b',
      'x-a',
      '',
    ]);
    expect(shares(all[0])).toEqual({ 'a--v2--pin': 50_000_000, 'b--v2--pin': 50_000_000 });
    expect(shares(all[2])).toEqual({ 'a--v2--pin': 50_000_000, 'b--v1': 47_500_000, 'b--v2': 2_500_000 });
    expect(new Set(all.map(({ name }) => name)).size).toBe(4);
  });

  it('leaves out a backend without a revision, and answers 503 when none has one', () => {
    const empty = (name: string) => backend(name, []);
    const [only] = routes(both(9_000), arms('a', 0), empty('b'));
    expect(Object.keys(shares(only))).toEqual(['a--v1', 'a--v2']);
    expect(routes(both(9_000), empty('a'), empty('b'))[0]?.directResponse?.status).toBe(503);
  });

  it('ends streams by the shortest limit of a backend that rolls', () => {
    const [only] = routes(both(5_000), arms('a', 0, { maxStreamMs: 9_000 }), arms('b', 0, { maxStreamMs: 4_000 }));
    expect(only?.route?.maxStreamDuration).toEqual({ maxStreamDuration: { seconds: 4, nanos: 0 } });
  });
});

it('a mirror goes to stable, and to nobody while there is none', () => {
  const mirrored = rule('a', { mirror: { backend: 'b', share: 500 } });
  const [only] = routes(mirrored, arms('a', 0), arms('b', 2_500));
  expect(only?.route?.requestMirrorPolicies).toEqual([
    { cluster: 'b--v1', runtimeFraction: { defaultValue: { numerator: 500, denominator: 'TEN_THOUSAND' } } },
  ]);
  expect(routes(mirrored, arms('a', 0))[0]?.route).not.toHaveProperty('requestMirrorPolicies');
});

it('headers change for one arm alone, beside the cookie that keeps users there', () => {
  const changes = { response: { set: [{ name: 'x-arm', value: 'new' }], add: [], remove: [] } };
  const sticky = { by: 'cookie', name: 'arm', tag: 't', maxAgeMs: 60_000, drawn: [500] } as const;
  const [, , split] = routes(rule('a'), arms('a', 500, { sticky, headers: { clusters: ['a--v2'], changes } }));
  const added = (split?.route?.weightedClusters?.clusters ?? []).map(({ responseHeadersToAdd = [] }) =>
    responseHeadersToAdd.map(({ header }) => header.key),
  );
  expect(added).toEqual([['set-cookie'], ['x-arm', 'set-cookie']]);
});

describe('a backend with sticky users', () => {
  const cookie = { by: 'cookie', name: 'arm', tag: 't', maxAgeMs: 60_000, drawn: [500, 2_500] } as const;
  const hash = { by: 'hash', key: { by: 'header', name: 'x-user' } } as const;

  it('has the routes of users who have an arm behind the pins and before the split', () => {
    const all = routes(rule('a'), { ...arms('a', 2_500, { sticky: cookie }), pins: pinned('a', 'x-a').pins });
    expect(all.map(({ route: action }) => action?.cluster ?? 'split')).toEqual([
      'a--v2--pin',
      'a--v2',
      'split',
      'a--v1',
      'split',
    ]);
    expect(new Set(all.map(({ name }) => name)).size).toBe(5);
  });

  it('is told apart by its own cookie in a rule that others share', () => {
    const all = routes(both(5_000), arms('a', 2_500, { sticky: cookie }), arms('b', 500));
    const total = (one: RouteResource) => Object.values(shares(one)).reduce((sum, weight) => sum + weight, 0);
    expect(all.map(total)).toEqual([100_000_000, 100_000_000, 100_000_000, 100_000_000]);
    expect(shares(all[0])).toEqual({ 'a--v2': 50_000_000, 'b--v1': 47_500_000, 'b--v2': 2_500_000 });
  });

  it('by hash goes by its own key first, for the host too', () => {
    const own = rule('a', { hash: [{ by: 'sourceIp' }] });
    const [only] = routes(own, arms('a', 2_500, { sticky: hash }));
    expect(only?.route?.weightedClusters?.useHashPolicy).toEqual({ value: true });
    expect(only?.route?.hashPolicy?.[0]).toEqual({ terminal: true, header: { headerName: 'x-user' } });
    expect(routes(own, arms('a', 2_500))[0]?.route?.weightedClusters).not.toHaveProperty('useHashPolicy');
  });
});
