import type { RequestMatch } from '../model/match.ts';
import type { HashKey, Retry, RouteRule } from '../model/route-rule.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import { pathRewrite } from './path-change.ts';
import { duration } from './proto-values.ts';
import type { FractionalPercent, HashPolicy, RouteAction } from './route-resource.ts';

/** What happens to requests on their way to a backend, whichever arm they go to. */
export function forwardSettings(
  rule: RouteRule,
  match: RequestMatch,
  backends: ReadonlyMap<string, BackendTraffic>,
  shadows: readonly NonNullable<BackendTraffic['mirror']>[] = [],
): Omit<RouteAction, 'timeout'> {
  const { rewrite, retry, mirror, hash, upgrades } = rule;
  // Stable comes first; a mirror is no arm of that backend's rollout.
  const shadow = mirror === undefined ? undefined : backends.get(mirror.backend)?.split[0]?.cluster;
  const copies = [
    ...(mirror === undefined || shadow === undefined ? [] : [{ cluster: shadow, share: mirror.share }]),
    ...shadows,
  ];
  return {
    ...(rewrite?.host === undefined ? {} : { hostRewriteLiteral: rewrite.host }),
    ...pathRewrite(rewrite?.path, match),
    ...(retry === undefined ? {} : { retryPolicy: retryPolicy(retry) }),
    ...(copies.length === 0 ? {} : { requestMirrorPolicies: copies.map(mirrorPolicy) }),
    ...(hash === undefined ? {} : { hashPolicy: hash.map(hashPolicy) }),
    ...(upgrades === undefined ? {} : { upgradeConfigs: upgrades.map((upgradeType) => ({ upgradeType })) }),
  };
}

function mirrorPolicy({ cluster, share }: NonNullable<BackendTraffic['mirror']>) {
  return { cluster, runtimeFraction: { defaultValue: fraction(share) } };
}

function retryPolicy({ on, attempts, perTryTimeoutMs, statuses }: Retry): NonNullable<RouteAction['retryPolicy']> {
  return {
    retryOn: on.join(','),
    numRetries: { value: attempts },
    ...(perTryTimeoutMs === null ? {} : { perTryTimeout: duration(perTryTimeoutMs) }),
    ...(statuses.length === 0 ? {} : { retriableStatusCodes: statuses }),
  };
}

/** `terminal`: the first key that a request has decides, and the ones after it do not. */
function hashPolicy(key: HashKey): HashPolicy {
  switch (key.by) {
    case 'header':
      return { terminal: true, header: { headerName: key.name } };
    case 'cookie':
      return { terminal: true, cookie: { name: key.name } };
    case 'queryParam':
      return { terminal: true, queryParameter: { name: key.name } };
    case 'sourceIp':
      return { terminal: true, connectionProperties: { sourceIp: true } };
  }
}

/** Basis points. */
export function fraction(share: number): FractionalPercent {
  return { numerator: share, denominator: 'TEN_THOUSAND' };
}
