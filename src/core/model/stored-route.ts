import { z } from 'zod';
import type { RouteSpec } from './documents.ts';
import type { PinMatch, RequestMatch, ValueMatch } from './match.ts';
import type {
  Cors,
  Fault,
  HashKey,
  HeaderChanges,
  PathChange,
  RateLimit,
  Redirect,
  Retry,
  RouteRule,
} from './route-rule.ts';
import { RawEnvoyRecord } from './stored-upstream.ts';

/** Stored shapes of routes; see `stored.ts`. */
const ms = z.number().int().nonnegative();
const share = z.number().int().min(0).max(10_000);
const name = z.string().min(1).max(253);
const status = z.number().int().min(100).max(599);

const ValueMatchRecord: z.ZodType<ValueMatch> = z.union([
  z.looseObject({
    name,
    type: z.enum(['Exact', 'Prefix', 'Suffix', 'Contains', 'RegularExpression']),
    value: z.string(),
  }),
  z.looseObject({ name, type: z.literal('Present') }),
  z.looseObject({ name, type: z.literal('Absent') }),
  z.looseObject({ name, type: z.literal('Range'), start: z.number().int(), end: z.number().int() }),
]);

const PathMatchRecord = z.looseObject({
  type: z.enum(['PathPrefix', 'Exact', 'RegularExpression']),
  value: z.string(),
});

export const PinMatchRecord = z.looseObject({
  headers: z.array(ValueMatchRecord),
  cookies: z.array(ValueMatchRecord).optional(),
  queryParams: z.array(ValueMatchRecord).optional(),
  method: z.string().optional(),
  path: PathMatchRecord.optional(),
  arm: z.string().optional(),
}) as z.ZodType<PinMatch>;

const RequestMatchRecord = z.looseObject({
  path: PathMatchRecord.optional(),
  method: z.string().optional(),
  headers: z.array(ValueMatchRecord),
  queryParams: z.array(ValueMatchRecord),
  cookies: z.array(ValueMatchRecord).optional(),
  grpc: z.literal(true).optional(),
}) as z.ZodType<RequestMatch>;

const PathChangeRecord: z.ZodType<PathChange> = z.union([
  z.looseObject({
    type: z.enum(['ReplaceFullPath', 'ReplacePrefixMatch']),
    value: z.string(),
  }) as z.ZodType<PathChange>,
  z.looseObject({ type: z.literal('RegularExpression'), pattern: z.string(), substitution: z.string() }),
]);

const RedirectRecord = z.looseObject({
  status: z.literal([301, 302, 303, 307, 308]),
  scheme: z.enum(['http', 'https']).optional(),
  host: z.string().optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  path: PathChangeRecord.optional(),
  dropQuery: z.literal(true).optional(),
}) as z.ZodType<Redirect>;

const named = z.array(z.looseObject({ name, value: z.string() }));
const HeaderChangeRecord = z.looseObject({ set: named, add: named, remove: z.array(name) });
export const HeaderChangesRecord = z.looseObject({
  request: HeaderChangeRecord.optional(),
  response: HeaderChangeRecord.optional(),
}) as z.ZodType<HeaderChanges>;

const RetryRecord: z.ZodType<Retry> = z.looseObject({
  on: z.array(z.string()),
  attempts: z.number().int().positive(),
  perTryTimeoutMs: ms.nullable(),
  statuses: z.array(status),
});

const HashKeyRecord: z.ZodType<HashKey> = z.union([
  z.looseObject({ by: z.enum(['header', 'cookie', 'queryParam']), name }),
  z.looseObject({ by: z.literal('sourceIp') }),
]);

const CorsRecord: z.ZodType<Cors> = z.looseObject({
  origins: z.array(z.looseObject({ type: z.enum(['Exact', 'RegularExpression']), value: z.string() })),
  methods: z.array(z.string()),
  headers: z.array(z.string()),
  expose: z.array(z.string()),
  maxAgeMs: ms.nullable(),
  credentials: z.boolean(),
});

const FaultRecord = z.looseObject({
  delay: z.looseObject({ share, ms }).optional(),
  abort: z.looseObject({ share, status }).optional(),
}) as z.ZodType<Fault>;

const RateLimitRecord: z.ZodType<RateLimit> = z.looseObject({
  requests: z.number().int().positive(),
  perMs: ms,
  burst: z.number().int().nonnegative(),
});

const RouteRuleRecord = z.looseObject({
  name,
  matches: z.array(RequestMatchRecord),
  backend: name.nullable(),
  backends: z.array(z.looseObject({ backend: name, weight: share })).optional(),
  redirect: RedirectRecord.optional(),
  respond: z.looseObject({ status, body: z.string() }).optional(),
  timeoutMs: ms,
  idleTimeoutMs: ms.optional(),
  rewrite: z.looseObject({ host: z.string().optional(), path: PathChangeRecord.optional() }).optional(),
  headers: HeaderChangesRecord.optional(),
  retry: RetryRecord.optional(),
  mirror: z.looseObject({ backend: name, share }).optional(),
  hash: z.array(HashKeyRecord).optional(),
  upgrades: z.array(z.string()).optional(),
  cors: CorsRecord.optional(),
  fault: FaultRecord.optional(),
  rateLimit: RateLimitRecord.optional(),
  rawEnvoy: RawEnvoyRecord.optional(),
}) as z.ZodType<RouteRule>;

export const RouteSpecRecord: z.ZodType<RouteSpec> = z.looseObject({
  fleet: name,
  hostnames: z.array(z.string()),
  rules: z.array(RouteRuleRecord),
  rawEnvoy: RawEnvoyRecord.exactOptional(),
});
