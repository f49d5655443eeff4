import { describe, expect, it } from 'vitest';
import { createCodec } from '../../../src/adapters/xds/codec.ts';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import { backend, revision, route, rule, table } from '../../core/traffic/tables.ts';

const protos = loadProtoBundle();
const codec = createCodec(protos, 'test');
const MESSAGES = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  route: 'envoy.config.route.v3.RouteConfiguration',
} as const;

/** Everything that `core/traffic` can write. */
function everything() {
  const healthCheck = { path: '/h', intervalMs: 1_500, timeoutMs: 100, healthyThreshold: 1, unhealthyThreshold: 2 };
  const v1 = revision('shop', 'v1', { protocol: 'http2', healthCheck });
  const v2 = revision('shop', 'v2', { endpoints: { kind: 'dns', host: 'shop.internal', port: 80 } });
  const values = (['Exact', 'Prefix', 'RegularExpression'] as const).map((type) => ({ name: 'a', type, value: 'x' }));
  const present = { name: 'b', type: 'Present' as const };
  const paths = (['Exact', 'PathPrefix', 'RegularExpression'] as const).map((type) => ({ type, value: '/p' }));
  const matches = paths.map((path) => ({
    path,
    method: 'GET',
    headers: [...values, present],
    queryParams: [...values, present],
  }));
  const pins = [{ matches: [{ headers: values }], cluster: 'shop--v1--pin' }];
  const shop = backend(
    'shop',
    [
      [v1, 9_999],
      [v2, 1],
    ],
    { pinned: [v1.key], pins },
  );
  const built = buildResources(table(1, [shop, route('web', [rule('shop', { matches }), rule('nobody')])]));
  if (built.kind === 'error') throw new Error(JSON.stringify(built.errors));
  return built.value;
}

describe('codec', () => {
  it('loses no field on the way: a mistyped one would be dropped without a word', () => {
    const { clusters, endpoints, routes } = everything();
    const check = (type: keyof typeof MESSAGES, resource: object) => {
      const message = protos.type(MESSAGES[type]);
      const { bytes } = codec.encodeResource(type, 'x', resource);
      const back = message.toObject(message.decode(bytes), { enums: String, longs: Number });
      expect(unpack(back)).toEqual(unpack(resource));
    };
    for (const cluster of clusters) check('cluster', cluster);
    for (const assignment of endpoints) check('endpoint', assignment);
    for (const table of routes) check('route', table);
  });

  it('encodes one object once, and a copy of it to equal bytes', () => {
    for (const cluster of everything().clusters) {
      const first = codec.encodeResource('cluster', cluster.name, cluster);
      expect(codec.encodeResource('cluster', cluster.name, cluster)).toBe(first);
      const copy = codec.encodeResource('cluster', cluster.name, structuredClone(cluster));
      expect(copy).not.toBe(first);
      expect(copy).toEqual(first);
    }
  });

  it('gives equal bytes for equal content, whatever the order of its keys', () => {
    const one = codec.encodeResource('route', 'r', { name: 'r', virtualHosts: [], ignorePortInHostMatching: true });
    const two = codec.encodeResource('route', 'r', { ignorePortInHostMatching: true, virtualHosts: [], name: 'r' });
    expect(one.bytes.equals(two.bytes)).toBe(true);
    expect(one.version).toBe(two.version);
    expect(codec.encodeResource('route', 'r', { name: 's', virtualHosts: [] }).version).not.toBe(one.version);
  });
});

/** Opens packed messages and drops zeros on both sides, so that both can be compared. */
function unpack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpack);
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  if (typeof record.type_url === 'string' && record.value instanceof Uint8Array) {
    const message = protos.type(record.type_url.slice(record.type_url.indexOf('/') + 1));
    const inner = message.toObject(message.decode(record.value), { enums: String, longs: Number });
    return unpack({ '@type': record.type_url, ...inner });
  }
  const entries = Object.entries(record).filter(([, item]) => item !== 0 && item !== false);
  return Object.fromEntries(entries.map(([key, item]) => [key, unpack(item)]));
}
