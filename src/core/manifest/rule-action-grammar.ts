import { z } from 'zod';
import type {
  Cors,
  Fault,
  HashKey,
  HeaderChange,
  PathChange,
  RateLimit,
  Redirect,
  Retry,
} from '../model/route-rule.ts';
import { choice, defined, documentName, duration, fields, regexProblem, text, weight } from './fields.ts';
import { isHeaderName, NO_HEADER_NAME, pathProblem } from './match-grammar.ts';

/** What a rule does with its requests besides sending them to a backend. */

const status = (min: number, max: number) =>
  z.int('expected a status code').min(min, `expected ${min} to ${max}`).max(max, `expected ${min} to ${max}`);

const hostname = text(253).regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/, 'expected a hostname');
const headerName = z
  .string('expected the name of a header')
  .refine(isHeaderName, NO_HEADER_NAME)
  .transform((name) => name.toLowerCase());

const PATH_CHANGES = ['ReplaceFullPath', 'ReplacePrefixMatch', 'RegularExpression'] as const;

const pathChange: z.ZodType<PathChange> = fields({
  type: choice(PATH_CHANGES),
  value: text(1_024).optional(),
  pattern: text(1_024).optional(),
  substitution: z.string('expected text').max(1_024).optional(),
}).transform((raw, ctx): PathChange => {
  const complain = (message: string, path: string) => {
    ctx.addIssue({ code: 'custom', message, path: [path] });
    return z.NEVER;
  };
  const { type, value, pattern, substitution } = raw;
  if (type === 'RegularExpression') {
    if (value !== undefined) return complain('RegularExpression takes pattern and substitution', 'value');
    if (pattern === undefined || substitution === undefined) return complain('needs pattern and substitution', 'type');
    const problem = regexProblem(pattern);
    return problem === null ? { type, pattern, substitution } : complain(problem, 'pattern');
  }
  if ((pattern ?? substitution) !== undefined) return complain(`${type} takes a value alone`, 'type');
  if (value === undefined) return complain(`${type} needs a value`, 'type');
  const problem = pathProblem(value);
  return problem === null ? { type, value } : complain(problem, 'value');
});

const REDIRECTS = [301, 302, 303, 307, 308] as const;

export const redirect = fields({
  status: z.literal(REDIRECTS, 'expected 301, 302, 303, 307 or 308').optional(),
  scheme: choice(['http', 'https']).optional(),
  host: hostname.optional(),
  port: z.int('expected a port').min(1).max(65_535).optional(),
  path: pathChange.optional(),
  dropQuery: z.boolean('expected true or false').optional(),
}).transform(({ dropQuery, ...raw }, ctx): Redirect => {
  if ((raw.scheme ?? raw.host ?? raw.port ?? raw.path) === undefined) {
    ctx.addIssue({ code: 'custom', message: 'expected scheme, host, port or path: else it leads back to itself' });
  }
  return defined({ ...raw, status: raw.status ?? 302, dropQuery: dropQuery === true ? (true as const) : undefined });
});

export const respond = fields({
  status: status(200, 599),
  body: z.string('expected text').max(4_096).optional(),
}).transform((raw) => ({ status: raw.status, body: raw.body ?? '' }));

export const rewrite = fields({ host: hostname.optional(), path: pathChange.optional() }).transform((raw, ctx) => {
  if ((raw.host ?? raw.path) === undefined) ctx.addIssue({ code: 'custom', message: 'expected host or path' });
  return defined(raw);
});

const headerValue = z
  .string('expected text')
  .max(4_096)
  .regex(/^[^\p{Cc}]*$/u, 'control characters are not allowed');

const headerValues = z
  .record(z.string(), headerValue, 'expected a mapping of header to text')
  .transform((values, ctx) =>
    Object.entries(values).map(([name, value]) => {
      if (!isHeaderName(name)) ctx.addIssue({ code: 'custom', message: NO_HEADER_NAME, path: [name] });
      return { name: name.toLowerCase(), value };
    }),
  )
  .refine((values) => values.length <= 32, 'at most 32');

const headerChange = fields({
  set: headerValues.optional(),
  add: headerValues.optional(),
  remove: z.array(headerName, 'expected a list of header names').max(32, 'at most 32').optional(),
}).transform((raw): HeaderChange => ({ set: raw.set ?? [], add: raw.add ?? [], remove: raw.remove ?? [] }));

export const headerChanges = fields({ request: headerChange.optional(), response: headerChange.optional() }).transform(
  defined,
);

const RETRY_ON = [
  ...['5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'refused-stream', 'retriable-4xx'],
  ...['cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable'],
] as const;

export const retry = fields({
  on: z
    .array(choice(RETRY_ON as unknown as readonly [string, ...string[]]), 'expected a list of conditions')
    .max(16, 'at most 16')
    .optional(),
  attempts: z.int('expected a whole number').min(1).max(10).optional(),
  perTryTimeout: duration({ min: '1ms', max: '1h' }).optional(),
  statuses: z.array(status(400, 599), 'expected a list of status codes').max(16, 'at most 16').optional(),
}).transform((raw, ctx): Retry => {
  const statuses = raw.statuses ?? [];
  const on = raw.on ?? (statuses.length > 0 ? [] : ['connect-failure', 'refused-stream', 'reset-before-request']);
  if (on.length === 0 && statuses.length === 0) {
    ctx.addIssue({ code: 'custom', message: 'expected at least one condition or status', path: ['on'] });
  }
  return {
    on: [...new Set([...on, ...(statuses.length > 0 ? ['retriable-status-codes'] : [])])],
    attempts: raw.attempts ?? 1,
    perTryTimeoutMs: raw.perTryTimeout ?? null,
    statuses,
  };
});

export const mirror = fields({ backend: documentName, percent: weight.optional() }).transform((raw, ctx) => {
  const share = raw.percent ?? 10_000;
  if (share === 0) ctx.addIssue({ code: 'custom', message: 'expected more than 0', path: ['percent'] });
  return { backend: raw.backend, share };
});

const hashKey = fields({
  header: headerName.optional(),
  cookie: text(128).optional(),
  queryParam: text(128).optional(),
  sourceIp: z.literal(true, 'expected true').optional(),
}).transform((raw, ctx): HashKey => {
  const keys: HashKey[] = [];
  if (raw.header !== undefined) keys.push({ by: 'header', name: raw.header });
  if (raw.cookie !== undefined) keys.push({ by: 'cookie', name: raw.cookie });
  if (raw.queryParam !== undefined) keys.push({ by: 'queryParam', name: raw.queryParam });
  if (raw.sourceIp !== undefined) keys.push({ by: 'sourceIp' });
  const [key] = keys;
  if (key !== undefined && keys.length === 1) return key;
  ctx.addIssue({ code: 'custom', message: 'expected one of header, cookie, queryParam, sourceIp' });
  return z.NEVER;
});

export const hash = z.array(hashKey, 'expected a list of keys').min(1, 'expected at least one key').max(8, 'at most 8');

export const upgrades = z
  .array(choice(['websocket']), 'expected a list of protocols')
  .min(1, 'expected at least one protocol');

const origin = z.union([
  text(1_024).transform((value) => ({ type: 'Exact' as const, value })),
  fields({ type: choice(['Exact', 'RegularExpression']), value: text(1_024) }).superRefine((raw, ctx) => {
    const problem = raw.type === 'RegularExpression' ? regexProblem(raw.value) : null;
    if (problem !== null) ctx.addIssue({ code: 'custom', message: problem, path: ['value'] });
  }),
]);

const names = z.array(text(128), 'expected a list of names').max(64, 'at most 64');

export const cors = fields({
  origins: z.array(origin, 'expected a list of origins').min(1, 'expected at least one origin').max(64, 'at most 64'),
  methods: names.optional(),
  headers: names.optional(),
  expose: names.optional(),
  maxAge: duration({ min: '0s', max: '1d' }).optional(),
  credentials: z.boolean('expected true or false').optional(),
}).transform(
  (raw): Cors => ({
    origins: raw.origins,
    methods: raw.methods ?? [],
    headers: raw.headers ?? [],
    expose: raw.expose ?? [],
    maxAgeMs: raw.maxAge ?? null,
    credentials: raw.credentials ?? false,
  }),
);

export const fault = fields({
  delay: fields({ percent: weight, duration: duration({ min: '1ms', max: '5m' }) }).optional(),
  abort: fields({ percent: weight, status: status(200, 599) }).optional(),
}).transform((raw, ctx): Fault => {
  if ((raw.delay ?? raw.abort) === undefined) ctx.addIssue({ code: 'custom', message: 'expected delay or abort' });
  const { delay, abort } = raw;
  return defined({
    delay: delay === undefined ? undefined : { share: delay.percent, ms: delay.duration },
    abort: abort === undefined ? undefined : { share: abort.percent, status: abort.status },
  });
});

export const rateLimit = fields({
  requests: z.int('expected a whole number').min(1).max(10_000_000),
  per: duration({ min: '50ms', max: '1h' }).optional(),
  burst: z.int('expected a whole number').min(0).max(10_000_000).optional(),
}).transform((raw): RateLimit => ({ requests: raw.requests, perMs: raw.per ?? 1_000, burst: raw.burst ?? 0 }));
