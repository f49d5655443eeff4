import { TOTAL_WEIGHT } from '../model/documents.ts';
import type { PinMatch, RequestMatch } from '../model/match.ts';
import { type RouteRule, targetsOf } from '../model/route-rule.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import { perFilterConfig } from './filter-config.ts';
import { forwardSettings } from './forward-settings.ts';
import { headerChanges } from './header-changes.ts';
import { mergeRaw } from './merge-raw.ts';
import { redirectAction } from './path-change.ts';
import { duration } from './proto-values.ts';
import { routeMatch } from './route-match.ts';
import type { HeaderFields, RouteAction, RouteResource, WeightedCluster } from './route-resource.ts';
import { safeName } from './safe-name.ts';
import { type Arm, type Choice, choicesOf, setCookie } from './sticky-arms.ts';

/** A backend of a rule, with its share of the rule's requests in basis points. */
interface Target {
  readonly traffic: BackendTraffic;
  readonly weight: number;
}

/** Requests that some backends of the rule tell apart, and how each of them is split then. */
interface Variant {
  readonly matches: readonly PinMatch[];
  readonly splits: ReadonlyMap<string, readonly Arm[]>;
}

/**
 * The routes of one match of one rule, each with what the rule says in Envoy's own words: pins first (the first route that matches wins), then users who have an arm
 * already, then the split. Names are stable over weights: `<rule>-<match>` and `<rule>-<match>-pin-<k>`.
 */
export function ruleRoutes(
  rule: RouteRule,
  match: RequestMatch,
  matchIndex: number,
  backends: ReadonlyMap<string, BackendTraffic>,
): RouteResource[] {
  const name = `${safeName(rule.name)}-${matchIndex}`;
  const common = { ...headerChanges(rule.headers), ...perFilterConfig(rule) };
  const patched = (route: RouteResource) => mergeRaw(route, rule.rawEnvoy);
  if (rule.redirect !== undefined) {
    const redirect = redirectAction(rule.redirect, match);
    return [patched({ name, match: routeMatch(match, []), redirect, ...common })];
  }
  if (rule.respond !== undefined) {
    const { status, body } = rule.respond;
    const directResponse = { status, body: { inlineString: body } };
    return [patched({ name, match: routeMatch(match, []), directResponse, ...common })];
  }
  const targets = targetsOf(rule).flatMap(({ backend, weight }): Target[] => {
    const traffic = backends.get(backend);
    return traffic === undefined || traffic.split.length === 0 ? [] : [{ traffic, weight }];
  });
  if (targets.length === 0) return [notDeployed(name, match)];
  const shadows = targets.flatMap(({ traffic }) => (traffic.mirror === undefined ? [] : [traffic.mirror]));
  const forward = forwardSettings(withStickyKey(rule, targets), match, backends, shadows);
  const settings = { ...limits(rule, targets), ...forward };
  return variants(targets).map(({ matches, splits }, k) =>
    patched({
      name: matches.length === 0 ? name : `${name}-pin-${k}`,
      match: routeMatch(match, matches),
      route: { ...settings, ...destination(targets, { matches, splits }) },
      ...common,
    }),
  );
}

/** What decides about the arm comes before what decides about the host: Envoy has one hash for both. */
function withStickyKey(rule: RouteRule, targets: readonly Target[]): RouteRule {
  const key = targets.flatMap(({ traffic }) => (traffic.sticky?.by === 'hash' ? [traffic.sticky.key] : []))[0];
  return key === undefined ? rule : { ...rule, hash: [key, ...(rule.hash ?? [])] };
}

/** The shortest limit of a backend that is rolling holds for the whole rule. */
function limits({ timeoutMs, idleTimeoutMs }: RouteRule, targets: readonly Target[]) {
  const streams = targets.flatMap(({ traffic }) => (traffic.maxStreamMs === null ? [] : [traffic.maxStreamMs]));
  return {
    timeout: duration(timeoutMs),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeout: duration(idleTimeoutMs) }),
    ...(streams.length === 0 ? {} : { maxStreamDuration: { maxStreamDuration: duration(Math.min(...streams)) } }),
  };
}

/** Every combination of what the backends tell apart, the narrower ones first; the last one is what nobody does. */
function variants(targets: readonly Target[]): readonly Variant[] {
  let all: readonly Variant[] = [{ matches: [], splits: new Map() }];
  for (const { traffic } of targets) {
    const pins = traffic.pins.flatMap(({ matches, cluster }) =>
      matches.map((match): Choice => ({ match, split: [{ cluster, weight: TOTAL_WEIGHT }] })),
    );
    all = [...pins, ...choicesOf(traffic)].flatMap(({ match, split }) =>
      all.map(({ matches, splits }) => ({
        matches: match === null ? matches : [match, ...matches],
        splits: new Map([...splits, [traffic.backend, split]]),
      })),
    );
  }
  return all;
}

/**
 * A rule's weights are the product of its backends' shares and their splits. Every arm stays listed, also at weight 0,
 * in the order given, and the total is constant: so a growing arm never moves a user back.
 */
function destination(
  targets: readonly Target[],
  { matches, splits }: Variant,
): Pick<RouteAction, 'cluster' | 'weightedClusters'> {
  const single = targets.length === 1;
  const clusters = targets.flatMap(({ traffic, weight }) =>
    (splits.get(traffic.backend) ?? []).map(
      (arm): WeightedCluster => ({
        name: arm.cluster,
        weight: { value: (single ? 1 : weight) * arm.weight },
        ...armHeaders(traffic, arm),
      }),
    ),
  );
  const [only, second] = clusters;
  if (matches.length > 0 && only !== undefined && second === undefined && isBare(only)) return { cluster: only.name };
  const hashed = targets.some(({ traffic }) => traffic.sticky?.by === 'hash');
  return { weightedClusters: { clusters, ...(hashed ? { useHashPolicy: { value: true } } : {}) } };
}

function armHeaders({ headers, colour }: BackendTraffic, { cluster, cookie }: Arm): HeaderFields {
  const changes = headers?.clusters.includes(cluster) === true ? headerChanges(headers.changes) : {};
  const own = coloured(changes, colour, cluster);
  if (cookie === undefined) return own;
  return { ...own, responseHeadersToAdd: [...(own.responseHeadersToAdd ?? []), setCookie(cookie)] };
}

function coloured(changes: HeaderFields, colour: BackendTraffic['colour'], cluster: string): HeaderFields {
  const value = colour?.arms.find((arm) => arm.cluster === cluster)?.value;
  if (colour === undefined || value === undefined) return changes;
  const header = { header: { key: colour.header, value }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' } as const;
  return { ...changes, requestHeadersToAdd: [...(changes.requestHeadersToAdd ?? []), header] };
}

/** Only the members of a split have headers of their own. */
function isBare(cluster: WeightedCluster): boolean {
  return Object.keys(cluster).every((field) => field === 'name' || field === 'weight');
}

/**
 * A backend without a revision answers 503 itself. Leaving the route out would let a less specific rule
 * take its requests, or answer 404, which clients and caches may keep. The body tells strangers no names.
 */
function notDeployed(name: string, match: RequestMatch): RouteResource {
  return {
    name: `${name}-not-deployed`,
    match: routeMatch(match, []),
    directResponse: { status: 503, body: { inlineString: 'no revision of this service is deployed\n' } },
  };
}
