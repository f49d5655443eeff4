import { Enum, type Type } from 'protobufjs/light.js';
import { describe, expect, it } from 'vitest';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { isObject } from '../../../src/core/model/is-object.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import { previewTables } from '../../../src/core/traffic/preview-table.ts';

/** Everything that a Backend and a rule can say of what Envoys are told. */
const ALL = `
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec:
  protocol: http2
  healthCheck: { path: /healthz }
  tls: { sni: shop.test, ca: { file: /ca.pem }, certificate: { chain: /c.pem, key: /k.pem } }
  loadBalancing: { policy: least-request, slowStart: 30s }
  outlierEjection: { consecutive5xx: 3, consecutiveGatewayErrors: 2, maxEjected: 100 }
  circuitBreaker: { connections: 1, pending: 2, requests: 3, retries: 4 }
  endpoints: { static: ["127.0.0.1:8080"] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: dark }
spec:
  protocol: grpc
  healthCheck: { grpc: {} }
  loadBalancing: { policy: round-robin, slowStart: 30s }
  endpoints: { dns: "dark.test:80" }
---
apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.test]
  rules:
    - name: all
      matches:
        - { path: { type: PathPrefix, value: /a }, headers: [{ name: a, value: b }], queryParams: [{ name: q, type: Present }] }
        - { headers: [{ name: n, type: Range, start: 1, end: 9 }], cookies: [{ name: c, value: d }] }
        - { grpc: { service: shop.v1.Cart } }
      backend: shop
      timeout: 5s
      idleTimeout: 1m
      rewrite: { host: other.test, path: { type: RegularExpression, pattern: "^/a", substitution: /b } }
      headers: { request: { set: { a: b }, add: { c: d }, remove: [e] }, response: { set: { f: g }, remove: [h] } }
      retry: { statuses: [503], perTryTimeout: 1s }
      mirror: { backend: dark, percent: 10 }
      hash: [{ header: x }, { cookie: y }, { queryParam: z }, { sourceIp: true }]
      upgrades: [websocket]
      cors: { origins: ["https://a.test", { type: RegularExpression, value: "https://.*" }], methods: [GET], maxAge: 1h }
      fault: { delay: { percent: 1, duration: 1s }, abort: { percent: 1, status: 503 } }
      rateLimit: { requests: 10, burst: 5 }
    - name: away
      matches: [{ path: { type: Exact, value: /away } }]
      redirect: { scheme: https, host: a.test, port: 8443, path: { type: ReplaceFullPath, value: /b }, dropQuery: true }
    - name: gone
      matches: [{ path: { type: RegularExpression, value: "/gone/.*" } }]
      respond: { status: 410, body: gone }
`;

describe('what is written for an Envoy', () => {
  it('has no field that the protos do not know, as one would silently not be sent', () => {
    // given documents that say everything
    const documents = parseDocuments([{ file: 'all.yaml', text: ALL }], { shipped: [], stored: [] });
    if (documents.kind === 'error') throw new Error(JSON.stringify(documents.errors));
    const tables = previewTables({
      documents: documents.value.map(({ document }) => document),
      rolling: null,
      stable: null,
    });
    const [table] = tables.kind === 'ok' ? tables.value : [];
    if (table === undefined) throw new Error('no table');

    // when they become resources
    const built = buildResources(table);
    if (built.kind === 'error') throw new Error(JSON.stringify(built.errors));

    // then each field has a place in the message
    const { clusters, endpoints, routes } = built.value;
    const unknown = [
      ...clusters.flatMap((one) => strangers('envoy.config.cluster.v3.Cluster', one)),
      ...endpoints.flatMap((one) => strangers('envoy.config.endpoint.v3.ClusterLoadAssignment', one)),
      ...routes.flatMap((one) => strangers('envoy.config.route.v3.RouteConfiguration', one)),
    ];
    expect(unknown).toEqual([]);
    expect(clusters).toHaveLength(2);
  });
});

const protos = loadProtoBundle();

/** Names of fields that would be left out of the bytes. */
function strangers(type: string, value: object): string[] {
  return inMessage(protos.type(type), value);
}

function inMessage(type: Type, value: object): string[] {
  const { '@type': url, ...fields } = value as Record<string, unknown>;
  const own = typeof url === 'string' ? protos.type(url.slice(url.lastIndexOf('/') + 1)) : type;
  return Object.entries(fields).flatMap(([key, item]) => {
    const field = own.fields[key];
    if (field === undefined) return [`${own.fullName}.${key}`];
    const inside = field.resolvedType;
    if (inside === null || inside instanceof Enum) return [];
    const items = field.map ? Object.values(item as object) : field.repeated ? (item as unknown[]) : [item];
    return items.flatMap((one: unknown) => (isObject(one) ? inMessage(inside, one) : []));
  });
}
