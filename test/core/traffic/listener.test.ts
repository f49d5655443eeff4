import { describe, expect, it } from 'vitest';
import type { ListenerTraffic } from '../../../src/core/model/traffic.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import { listenerOf, shareAPort } from '../../../src/core/traffic/listener.ts';
import { table } from './tables.ts';

const at = (listener: string, address: string, port: number): ListenerTraffic => ({
  kind: 'listener',
  listener,
  address,
  port,
});

describe('a listener', () => {
  const { name, address, filterChains } = listenerOf(at('in.gress', '10.0.0.1', 8_080), 'edge');
  const filters = filterChains.flatMap((chain) => chain.filters);

  it('is named and bound as declared', () => {
    expect(name).toBe('in.gress');
    expect(address).toEqual({ socketAddress: { address: '10.0.0.1', portValue: 8_080 } });
  });

  it("goes by the fleet's route table, over the stream that it came by", () => {
    expect(filters.map(({ typedConfig }) => typedConfig.rds)).toEqual([
      { routeConfigName: 'edge', configSource: { ads: {}, resourceApiVersion: 'V3' } },
    ]);
  });

  it('ends in the router: without it Envoy takes requests and never answers', () => {
    expect(filters.map(({ typedConfig }) => typedConfig.httpFilters.at(-1)?.name)).toEqual([
      'envoy.filters.http.router',
    ]);
  });

  it('believes no client who it is, and has a name that statistics can bear', () => {
    expect(filters[0]?.typedConfig).toMatchObject({
      useRemoteAddress: { value: true },
      statPrefix: expect.stringMatching(/^[A-Za-z0-9_-]+$/),
    });
  });
});

describe('two listeners share a port', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1', true],
    ['0.0.0.0', '127.0.0.1', true],
    ['127.0.0.1', '0.0.0.0', true],
    ['::', '::1', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['2001:DB8::1', '2001:db8:0::1', true],
    ['10.0.0.1', '10.0.0.2', false],
    // Envoy takes no IPv4 on an IPv6 address.
    ['::', '0.0.0.0', false],
    ['::', '127.0.0.1', false],
  ])('%s and %s: %s', (one, other, shared) => {
    expect(shareAPort({ address: one, port: 80 }, { address: other, port: 80 })).toBe(shared);
    expect(shareAPort({ address: one, port: 80 }, { address: other, port: 81 })).toBe(false);
  });

  it('is refused before it is sent, and both are named', () => {
    const built = buildResources(table(1, [at('ingress', '0.0.0.0', 80), at('admin', '127.0.0.1', 80)]));
    expect(built).toMatchObject({
      kind: 'error',
      errors: [{ message: 'fleet edge, listener/admin: its port is also that of listener/ingress' }],
    });
    expect(buildResources(table(1, [at('ingress', '0.0.0.0', 80), at('admin', '127.0.0.1', 81)])).kind).toBe('ok');
  });
});
