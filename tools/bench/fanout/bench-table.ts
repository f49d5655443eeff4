import type { Revision } from '../../../src/core/model/revision.ts';
import type { RouteRule } from '../../../src/core/model/route-rule.ts';
import type { BackendTraffic, RouteTraffic } from '../../../src/core/model/traffic.ts';

/** Fleet, backend, and so the name of the one route configuration. */
export const BENCH = 'bench';

function arm(name: string, port: number): Revision {
  const addresses = [port, port + 1].map((each) => ({ host: '127.0.0.1', port: each }));
  return {
    key: `${BENCH}/${name}`,
    backend: BENCH,
    name,
    cluster: `${BENCH}--${name}`,
    protocol: 'http1',
    connectTimeoutMs: 1_000,
    healthCheck: null,
    endpoints: { kind: 'static', addresses },
  };
}

/** Two clusters of two endpoints, the second one at weight `step` of 10,000. */
export function benchBackend(step: number): BackendTraffic {
  const [stable, canary] = [arm('stable', 19_001), arm('canary', 19_003)];
  const weight = ((step % 10_000) + 10_000) % 10_000;
  return {
    kind: 'backend',
    backend: BENCH,
    revisions: [canary, stable],
    pinned: [],
    split: [
      { cluster: stable.cluster, weight: 10_000 - weight },
      { cluster: canary.cluster, weight },
    ],
    pins: [],
    maxStreamMs: null,
  };
}

/** One route to everything, or many with a path and a header each; 500 of them make a table of about 71 KB. */
export function benchRoutes(count: number): RouteTraffic {
  const rules = Array.from({ length: count }, (_, i): RouteRule => {
    const timeoutMs = 5_000;
    if (count === 1) return { name: 'all', matches: [], backend: BENCH, timeoutMs };
    const path = { type: 'PathPrefix', value: `/service/${i}` } as const;
    const headers = [{ name: 'x-tenant', type: 'Exact', value: `tenant-${i}` }] as const;
    return { name: `rule-${i}`, matches: [{ path, headers, queryParams: [] }], backend: BENCH, timeoutMs };
  });
  return { kind: 'route', route: BENCH, spec: { fleet: BENCH, hostnames: ['*'], rules } };
}
