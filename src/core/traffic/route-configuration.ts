import type { RequestMatch } from '../model/match.ts';
import { backendsNamedBy, type RouteRule } from '../model/route-rule.ts';
import type { BackendTraffic, RouteTraffic } from '../model/traffic.ts';
import type { RouteConfiguration, VirtualHost } from './envoy-resources.ts';
import { compareMatches } from './match-precedence.ts';
import { mergeRaw } from './merge-raw.ts';
import type { RouteResource } from './route-resource.ts';
import { ruleRoutes } from './rule-routes.ts';
import { safeName } from './safe-name.ts';

const EVERY_REQUEST: RequestMatch = { headers: [], queryParams: [] };

/** The one route table of a fleet: a virtual host per Route document, ordered by name. */
export function routeConfiguration(
  fleet: string,
  routes: readonly RouteTraffic[],
  backends: ReadonlyMap<string, BackendTraffic>,
  validateClusters: boolean,
): RouteConfiguration {
  const sorted = [...routes].sort((a, b) => (a.route < b.route ? -1 : 1));
  return {
    name: fleet,
    virtualHosts: sorted.map((route) => virtualHost(route, backends)),
    // `shop.example.com:8443` is the same host to users who wrote `shop.example.com`.
    ignorePortInHostMatching: true,
    // A missing cluster of ours must cost its own share (503), not make Envoy refuse the whole table, other owners
    // included. Whether one of the Envoys' own is there, only they can say, and nothing waits for it.
    validateClusters: { value: validateClusters },
  };
}

export function virtualHostName(route: string): string {
  return safeName(route);
}

/** A match of a rule, in its order, and the routes that were made of it last. */
interface Candidate {
  readonly rule: RouteRule;
  readonly match: RequestMatch;
  readonly index: number;
  readonly backends: readonly string[];
  made: readonly RouteResource[] | null;
}

interface MadeHost {
  readonly candidates: readonly Candidate[];
  /** Of every backend that the rules name, what they were made with. */
  readonly from: ReadonlyMap<string, BackendTraffic | undefined>;
  readonly host: VirtualHost;
}

/**
 * The same records give the same objects. A weight that changes costs the routes that name it and nothing else: not
 * the other routes of its host, nor the other hosts.
 */
const hosts = new WeakMap<RouteTraffic, MadeHost>();

function virtualHost(traffic: RouteTraffic, backends: ReadonlyMap<string, BackendTraffic>): VirtualHost {
  const known = hosts.get(traffic);
  const changed = known === undefined ? null : changedBackends(known.from, backends);
  if (known !== undefined && changed?.size === 0) return known.host;
  const candidates = known?.candidates ?? candidatesOf(traffic);
  const routes: RouteResource[] = [];
  for (const candidate of candidates) {
    const stale = candidate.made === null || candidate.backends.some((name) => changed?.has(name));
    if (stale) candidate.made = ruleRoutes(candidate.rule, candidate.match, candidate.index, backends);
    for (const route of candidate.made ?? []) routes.push(route);
  }
  const { route, spec } = traffic;
  const names = known?.from.keys() ?? candidates.flatMap((candidate) => candidate.backends);
  const domains = spec.hostnames.length === 0 ? ['*'] : spec.hostnames;
  const host: VirtualHost = mergeRaw({ name: virtualHostName(route), domains, routes }, spec.rawEnvoy);
  hosts.set(traffic, { candidates, from: new Map([...names].map((name) => [name, backends.get(name)])), host });
  return host;
}

function changedBackends(from: MadeHost['from'], backends: ReadonlyMap<string, BackendTraffic>): ReadonlySet<string> {
  return new Set([...from].filter(([name, was]) => backends.get(name) !== was).map(([name]) => name));
}

function candidatesOf({ spec }: RouteTraffic): readonly Candidate[] {
  const candidates = spec.rules.flatMap((rule) => {
    const named = backendsNamedBy(rule);
    const matches = rule.matches.length === 0 ? [EVERY_REQUEST] : rule.matches;
    return matches.map((match, index): Candidate => ({ rule, match, index, backends: named, made: null }));
  });
  return candidates.sort((a, b) => compareMatches(a.match, b.match));
}
