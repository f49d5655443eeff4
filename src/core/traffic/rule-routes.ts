import type { RouteRule } from '../model/documents.ts';
import type { RequestMatch } from '../model/match.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import { duration, type RouteResource } from './envoy-resources.ts';
import { routeMatch } from './route-match.ts';
import { safeName } from './safe-name.ts';

/**
 * The routes of one match of one rule: pins first (the first route that matches wins), then the split.
 * Names are stable over weights and steps: `<rule>-<match>` and `<rule>-<match>-pin-<k>`.
 */
export function ruleRoutes(
  rule: RouteRule,
  match: RequestMatch,
  matchIndex: number,
  backend: BackendTraffic | null,
): RouteResource[] {
  const name = `${safeName(rule.name)}-${matchIndex}`;
  if (backend === null || backend.split.length === 0) return [notDeployed(name, match)];
  const { maxStreamMs } = backend;
  const limits = {
    timeout: duration(rule.timeoutMs),
    ...(maxStreamMs === null ? {} : { maxStreamDuration: { maxStreamDuration: duration(maxStreamMs) } }),
  };
  const pins = backend.pins.flatMap(({ matches, cluster }) => matches.map((pin) => ({ pin, cluster })));
  return [
    ...pins.map(({ pin, cluster }, k) => ({
      name: `${name}-pin-${k}`,
      match: routeMatch(match, pin),
      route: { ...limits, cluster },
    })),
    { name, match: routeMatch(match, null), route: { ...limits, weightedClusters: weighted(backend) } },
  ];
}

/** Every arm stays listed, also at weight 0, in the order given: so a growing arm never moves a user back. */
function weighted({ split }: BackendTraffic) {
  return { clusters: split.map(({ cluster, weight }) => ({ name: cluster, weight: { value: weight } })) };
}

/**
 * A backend without a revision answers 503 itself. Leaving the route out would let a less specific rule
 * take its requests, or answer 404, which clients and caches may keep. The body tells strangers no names.
 */
function notDeployed(name: string, match: RequestMatch): RouteResource {
  return {
    name: `${name}-not-deployed`,
    match: routeMatch(match, null),
    directResponse: { status: 503, body: { inlineString: 'no revision of this service is deployed\n' } },
  };
}
