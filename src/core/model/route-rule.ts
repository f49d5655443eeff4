import type { RequestMatch } from './match.ts';
import type { RawEnvoy } from './raw-envoy.ts';

/** Which requests, and what becomes of them: they go to a backend, to several by weight, or are answered by Envoy. */
export interface RouteRule {
  readonly name: string;
  /** Empty means: every request. */
  readonly matches: readonly RequestMatch[];
  /** The one backend; `null`: see `backends`, or Envoy answers by itself. */
  readonly backend: string | null;
  /** Several backends by weight, at least two; the weights sum to 10,000. */
  readonly backends?: readonly WeightedBackend[];
  readonly redirect?: Redirect;
  readonly respond?: { readonly status: number; readonly body: string };
  /** Route timeout. Never 0: a hanging canary would be silent (Envoy counts no answer). */
  readonly timeoutMs: number;
  /** A stream without a byte for so long ends. */
  readonly idleTimeoutMs?: number;
  readonly rewrite?: Rewrite;
  readonly headers?: HeaderChanges;
  readonly retry?: Retry;
  /** Copies of requests whose answers are dropped; to what is stable there, or split as any other request. */
  readonly mirror?: { readonly backend: string; readonly share: number };
  /** What decides about host and sticky arm, in order; the first that a request has. */
  readonly hash?: readonly HashKey[];
  readonly upgrades?: readonly string[];
  readonly cors?: Cors;
  readonly fault?: Fault;
  readonly rateLimit?: RateLimit;
  /** Of each Envoy route that is made of the rule. */
  readonly rawEnvoy?: RawEnvoy;
}

export interface WeightedBackend {
  readonly backend: string;
  /** Basis points. */
  readonly weight: number;
}

export interface Redirect {
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  readonly port?: number;
  readonly path?: PathChange;
  /** The query of the request is dropped. */
  readonly dropQuery?: true;
}

export type PathChange =
  | { readonly type: 'ReplaceFullPath'; readonly value: string }
  /** In place of what the rule's prefix matched. */
  | { readonly type: 'ReplacePrefixMatch'; readonly value: string }
  | { readonly type: 'RegularExpression'; readonly pattern: string; readonly substitution: string };

export interface Rewrite {
  readonly host?: string;
  readonly path?: PathChange;
}

export interface HeaderChanges {
  readonly request?: HeaderChange;
  readonly response?: HeaderChange;
}

export interface HeaderChange {
  /** Instead of what is there. */
  readonly set: readonly NamedValue[];
  /** Beside what is there. */
  readonly add: readonly NamedValue[];
  readonly remove: readonly string[];
}

interface NamedValue {
  readonly name: string;
  readonly value: string;
}

export interface Retry {
  /** Envoy's words, such as `5xx`, `connect-failure`, `reset`. */
  readonly on: readonly string[];
  /** Besides the first try. */
  readonly attempts: number;
  readonly perTryTimeoutMs: number | null;
  /** With `retriable-status-codes`. */
  readonly statuses: readonly number[];
}

export type HashKey =
  | { readonly by: 'header' | 'cookie' | 'queryParam'; readonly name: string }
  | { readonly by: 'sourceIp' };

export interface Cors {
  readonly origins: readonly { readonly type: 'Exact' | 'RegularExpression'; readonly value: string }[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly expose: readonly string[];
  readonly maxAgeMs: number | null;
  readonly credentials: boolean;
}

/** Shares are basis points of the rule's requests. */
export interface Fault {
  readonly delay?: { readonly share: number; readonly ms: number };
  readonly abort?: { readonly share: number; readonly status: number };
}

/** By each Envoy for itself. */
export interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
  /** Beyond, at once, after a quiet time. */
  readonly burst: number;
}

/** A filter that must stand in an Envoy's HTTP chain: without it Envoy takes the route, and does nothing. */
export const HTTP_FILTERS = ['cors', 'fault', 'local-rate-limit'] as const;
export type HttpFilter = (typeof HTTP_FILTERS)[number];

/** Where a rule's requests go, with weights that sum to 10,000; none: Envoy answers by itself. */
export function targetsOf({ backend, backends }: Pick<RouteRule, 'backend' | 'backends'>): readonly WeightedBackend[] {
  return backend === null ? (backends ?? []) : [{ backend, weight: 10_000 }];
}

/** The longest time that any of these rules gives a request to the backend, ms; `null`: none leads to it. */
export function longestTimeoutMs(
  rules: readonly Pick<RouteRule, 'backend' | 'backends' | 'timeoutMs'>[],
  backend: string,
): number | null {
  const own = rules.filter((rule) => targetsOf(rule).some((target) => target.backend === backend));
  return own.length === 0 ? null : Math.max(...own.map(({ timeoutMs }) => timeoutMs));
}

/** Every backend that a rule names, once. */
export function backendsNamedBy(rule: RouteRule): readonly string[] {
  const mirror = rule.mirror === undefined ? [] : [rule.mirror.backend];
  return [...new Set([...targetsOf(rule).map(({ backend }) => backend), ...mirror])];
}

export function filtersOf({ cors, fault, rateLimit }: RouteRule): readonly HttpFilter[] {
  return [
    ...(cors === undefined ? [] : (['cors'] as const)),
    ...(fault === undefined ? [] : (['fault'] as const)),
    ...(rateLimit === undefined ? [] : (['local-rate-limit'] as const)),
  ];
}
