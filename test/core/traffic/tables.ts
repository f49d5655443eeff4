import type { Revision } from '../../../src/core/model/revision.ts';
import type { RouteRule } from '../../../src/core/model/route-rule.ts';
import type {
  BackendTraffic,
  FleetTable,
  OwnerTraffic,
  RouteTraffic,
  TrafficOwner,
} from '../../../src/core/model/traffic.ts';

export function revision(backend: string, name: string, more: Partial<Revision> = {}): Revision {
  return {
    key: `${backend}/${name}`,
    backend,
    name,
    cluster: `${backend}--${name}`,
    protocol: 'http1',
    connectTimeoutMs: 1_000,
    healthCheck: null,
    endpoints: { kind: 'static', addresses: [{ host: '127.0.0.1', port: 8080 }] },
    ...more,
  };
}

/** Arms in order, `[revision, weight]`. */
export function backend(
  name: string,
  arms: readonly (readonly [Revision, number])[],
  more: Partial<BackendTraffic> = {},
): BackendTraffic {
  return {
    kind: 'backend',
    backend: name,
    revisions: arms.map(([arm]) => arm),
    pinned: [],
    split: arms.map(([arm, weight]) => ({ cluster: arm.cluster, weight })),
    pins: [],
    maxStreamMs: null,
    ...more,
  };
}

export function rule(backendName: string, more: Partial<RouteRule> = {}): RouteRule {
  return { name: backendName, matches: [], backend: backendName, timeoutMs: 5_000, ...more };
}

export function route(name: string, rules: readonly RouteRule[], hostnames: readonly string[] = ['*']): RouteTraffic {
  return { kind: 'route', route: name, spec: { fleet: 'edge', hostnames, rules } };
}

function ownerOf(value: OwnerTraffic): TrafficOwner {
  if (value.kind === 'route') return `route/${value.route}`;
  return value.kind === 'listener' ? `listener/${value.listener}` : `backend/${value.backend}`;
}

export function table(n: number, owners: readonly OwnerTraffic[], epoch = 'e1'): FleetTable {
  const named = owners.map((value): [TrafficOwner, { n: number; value: OwnerTraffic }] => [
    ownerOf(value),
    { n, value },
  ]);
  return { fleet: 'edge', position: { epoch, n }, trial: null, owners: new Map(named) };
}
