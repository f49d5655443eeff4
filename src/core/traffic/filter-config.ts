import type { Cors, Fault, HttpFilter, RateLimit, RouteRule } from '../model/route-rule.ts';
import { fraction } from './forward-settings.ts';
import { duration, type Typed } from './proto-values.ts';
import type { RouteResource } from './route-resource.ts';

const NAMES: Readonly<Record<HttpFilter, string>> = {
  cors: 'envoy.filters.http.cors',
  fault: 'envoy.filters.http.fault',
  'local-rate-limit': 'envoy.filters.http.local_ratelimit',
};

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http';
const ALWAYS = { numerator: 10_000, denominator: 'TEN_THOUSAND' } as const;

/** The filters as they stand in a listener: they do nothing until a route says so. In the order of the chain. */
export const IDLE_FILTERS: readonly { readonly name: string; readonly typedConfig: Typed<string> }[] = [
  { name: NAMES.cors, typedConfig: { '@type': `${TYPE}.cors.v3.Cors` } },
  { name: NAMES.fault, typedConfig: { '@type': `${TYPE}.fault.v3.HTTPFault` } },
  { name: NAMES['local-rate-limit'], typedConfig: typed('local_ratelimit.v3.LocalRateLimit', { statPrefix: 'serin' }) },
];

/** What a rule asks of filters in the listener's chain. */
export function perFilterConfig({ cors, fault, rateLimit }: RouteRule): Pick<RouteResource, 'typedPerFilterConfig'> {
  if (cors === undefined && fault === undefined && rateLimit === undefined) return {};
  return {
    typedPerFilterConfig: {
      ...(cors === undefined ? {} : { [NAMES.cors]: corsPolicy(cors) }),
      ...(fault === undefined ? {} : { [NAMES.fault]: faultConfig(fault) }),
      ...(rateLimit === undefined ? {} : { [NAMES['local-rate-limit']]: rateLimitConfig(rateLimit) }),
    },
  };
}

function corsPolicy({ origins, methods, headers, expose, maxAgeMs, credentials }: Cors): Typed<string> {
  return typed('cors.v3.CorsPolicy', {
    allowOriginStringMatch: origins.map(({ type, value }) =>
      type === 'Exact' ? { exact: value } : { safeRegex: { regex: value } },
    ),
    ...(methods.length === 0 ? {} : { allowMethods: methods.join(',') }),
    ...(headers.length === 0 ? {} : { allowHeaders: headers.join(',') }),
    ...(expose.length === 0 ? {} : { exposeHeaders: expose.join(',') }),
    ...(maxAgeMs === null ? {} : { maxAge: String(Math.floor(maxAgeMs / 1_000)) }),
    allowCredentials: { value: credentials },
  });
}

function faultConfig({ delay, abort }: Fault): Typed<string> {
  return typed('fault.v3.HTTPFault', {
    ...(delay === undefined ? {} : { delay: { fixedDelay: duration(delay.ms), percentage: fraction(delay.share) } }),
    ...(abort === undefined ? {} : { abort: { httpStatus: abort.status, percentage: fraction(abort.share) } }),
  });
}

function rateLimitConfig({ requests, perMs, burst }: RateLimit): Typed<string> {
  return typed('local_ratelimit.v3.LocalRateLimit', {
    statPrefix: 'serin',
    tokenBucket: { maxTokens: requests + burst, tokensPerFill: { value: requests }, fillInterval: duration(perMs) },
    filterEnabled: { defaultValue: ALWAYS },
    filterEnforced: { defaultValue: ALWAYS },
  });
}

function typed(message: string, fields: Readonly<Record<string, unknown>>): Typed<string> {
  return { '@type': `${TYPE}.${message}`, ...fields };
}
