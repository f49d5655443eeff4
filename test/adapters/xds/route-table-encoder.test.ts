import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePlain } from '../../../src/adapters/xds/plain-message.ts';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { routeTableEncoder } from '../../../src/adapters/xds/route-table-encoder.ts';
import type { OwnerTraffic } from '../../../src/core/model/traffic.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import type { RouteConfiguration } from '../../../src/core/traffic/envoy-resources.ts';
import { owners } from '../../core/traffic/evaluate/random-tables.ts';
import { backend, revision, route, rule, table } from '../../core/traffic/tables.ts';

const protos = loadProtoBundle();

function whole(config: RouteConfiguration): string {
  return Buffer.from(encodePlain(protos, 'envoy.config.route.v3.RouteConfiguration', config)).toString('hex');
}

function configOf(all: readonly OwnerTraffic[]): RouteConfiguration {
  const built = buildResources(table(1, all));
  const [config] = built.kind === 'ok' ? built.value.routes : [];
  if (config === undefined) throw new Error('no table');
  return config;
}

const shop = (canary: number) =>
  backend('shop', [
    [revision('shop', 'v1'), 10_000 - canary],
    [revision('shop', 'v2'), canary],
  ]);
const cart = backend('cart', [[revision('cart', 'v1'), 10_000]]);
const routes = [
  route(
    'both',
    [
      rule('shop'),
      rule('cart', { matches: [{ path: { type: 'Exact', value: '/cart' }, headers: [], queryParams: [] }] }),
    ],
    ['a.test'],
  ),
  route('cart', [rule('cart')], ['b.test']),
];

describe('a route table encoded piece by piece', () => {
  it('has the bytes of the whole, whatever it holds', () => {
    const encode = routeTableEncoder(protos);
    fc.assert(
      fc.property(owners, (all) => {
        const config = configOf(all);
        expect(encode(config).toString('hex')).toBe(whole(config));
      }),
    );
  });

  it('has them after a weight has changed, too', () => {
    const encode = routeTableEncoder(protos);
    for (const canary of [0, 500, 10_000, 500]) {
      const config = configOf([shop(canary), cart, ...routes]);
      expect(encode(config).toString('hex')).toBe(whole(config));
    }
  });

  it('is made anew only where a weight has changed', () => {
    const [before, after] = [configOf([shop(0), cart, ...routes]), configOf([shop(500), cart, ...routes])];
    const [both, other] = after.virtualHosts;
    expect(other).toBe(before.virtualHosts[1]);
    expect(both).not.toBe(before.virtualHosts[0]);
    const names = (one: typeof both) => one?.routes.map(({ name }) => name);
    expect(names(both)).toEqual(['cart-0', 'shop-0']);
    expect(both?.routes[0]).toBe(before.virtualHosts[0]?.routes[0]);
    expect(both?.routes[1]).not.toBe(before.virtualHosts[0]?.routes[1]);
  });
});
