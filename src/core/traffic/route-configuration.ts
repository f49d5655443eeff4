import type { RequestMatch } from '../model/match.ts';
import type { BackendTraffic, RouteTraffic } from '../model/traffic.ts';
import type { RouteConfiguration, VirtualHost } from './envoy-resources.ts';
import { compareMatches } from './match-precedence.ts';
import { ruleRoutes } from './rule-routes.ts';
import { safeName } from './safe-name.ts';

const EVERY_REQUEST: RequestMatch = { headers: [], queryParams: [] };

/** The one route table of a fleet: a virtual host per Route document, ordered by name. */
export function routeConfiguration(
  fleet: string,
  routes: readonly RouteTraffic[],
  backends: ReadonlyMap<string, BackendTraffic>,
): RouteConfiguration {
  const sorted = [...routes].sort((a, b) => (a.route < b.route ? -1 : 1));
  return {
    name: fleet,
    virtualHosts: sorted.map((route) => virtualHost(route, backends)),
    // `shop.example.com:8443` is the same host to users who wrote `shop.example.com`.
    ignorePortInHostMatching: true,
    // A missing cluster must cost its own share (503), not make Envoy refuse the whole table, other owners included.
    validateClusters: { value: false },
  };
}

export function virtualHostName(route: string): string {
  return safeName(route);
}

function virtualHost({ route, spec }: RouteTraffic, backends: ReadonlyMap<string, BackendTraffic>): VirtualHost {
  const candidates = spec.rules.flatMap((rule) =>
    (rule.matches.length === 0 ? [EVERY_REQUEST] : rule.matches).map((match, index) => ({ rule, match, index })),
  );
  candidates.sort((a, b) => compareMatches(a.match, b.match));
  return {
    name: virtualHostName(route),
    domains: spec.hostnames.length === 0 ? ['*'] : spec.hostnames,
    routes: candidates.flatMap(({ rule, match, index }) =>
      ruleRoutes(rule, match, index, backends.get(rule.backend) ?? null),
    ),
  };
}
