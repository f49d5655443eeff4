import { z } from 'zod';
import { choice, duration, fields } from '../core/manifest/fields.ts';
import { isIp, parseHostPort } from '../core/model/host-port.ts';
import { ROLES } from '../core/model/roles.ts';
import { HTTP_FILTERS } from '../core/model/route-rule.ts';
import { LOG_LEVELS } from './logger.ts';

/** A secret stands in the environment or in a file, never in the configuration itself. */
const secret = z
  .string('expected ${env:NAME} or file:/path')
  .regex(
    /^(\$\{env:[A-Za-z_][A-Za-z0-9_]*\}|file:.+)$/,
    'expected ${env:NAME} or file:/path; a secret never stands in the file itself',
  );

const text = z.string('expected text').min(1, 'expected text').max(2_048);
const port = z.int('expected a port').min(0).max(65_535);
const count = (min: number, max: number) => z.int('expected a whole number').min(min).max(max);
const listener = { host: text.optional(), port: port.optional() };
const name = z.string('expected a name').regex(/^[A-Za-z0-9_-]{1,63}$/, 'expected letters, digits, "_" and "-"');
/** Nothing is filled in inside of a value: it would be used as it stands. */
const whole = text.refine((value) => !value.includes('${'), 'expected text without ${…}');
const httpUrl = text.refine(isHttpUrl, 'expected an http:// or https:// URL');

const redisNodes = z
  .array(
    text.refine((value) => parseHostPort(value) !== null, 'expected host:port'),
    'expected a list of host:port',
  )
  .min(1, 'at least one node')
  .max(64, 'at most 64 nodes');

const nodeFrom = z.string().regex(/^(id|metadata\.[A-Za-z0-9_.-]+)$/, 'expected id or metadata.<path>');

const fleet = fields({
  name,
  listeners: z
    .array(
      fields({
        name,
        address: text.refine(isIp, 'expected an IP address'),
        port: z.int('expected a port').min(1).max(65_535),
      }),
      'expected a list of listeners',
    )
    .max(64, 'at most 64 listeners')
    .optional(),
  filters: z.array(z.enum(HTTP_FILTERS), 'expected a list of filters').optional(),
  match: fields({ cluster: text.optional(), metadata: z.record(z.string(), text).optional() }).optional(),
  metrics: fields({
    selector: z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'expected a label name'), text).optional(),
    nodeLabel: z
      .string()
      .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'expected a label name')
      .optional(),
    nodeFrom: nodeFrom.optional(),
    scrapeInterval: duration({ min: '100ms', max: '10m' }).optional(),
  }).optional(),
});

const notifier = fields({
  name,
  type: choice(['slack', 'slack-legacy', 'generic']).optional(),
  url: z.union([httpUrl, secret], 'expected a URL, ${env:NAME} or file:/path'),
  secret: secret.optional(),
});

/** What Serin says itself, and what a connection is made of. */
const OWN_HEADERS =
  /^(accept|connection|content-.*|expect|host|idempotency-key|keep-alive|te|trailer|transfer-encoding|upgrade|user-agent|webhook-.*)$/i;
const SECRET_HEADERS =
  /^(authorization|cookie|proxy-authorization)$|token|secret|key|passw|credential|(^|-)(auth|session)(-|$)/i;
function headerProblem(header: string, value: string): string | null {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(header)) return 'expected the name of a header';
  if (OWN_HEADERS.test(header)) return 'Serin says this header itself';
  if (!SECRET_HEADERS.test(header) || secret.safeParse(value).success) return null;
  return 'expected ${env:NAME} or file:/path; a secret never stands in the file itself';
}

const hook = fields({
  name,
  url: z.union([httpUrl, secret], 'expected a URL, ${env:NAME} or file:/path'),
  headers: z
    .record(z.string(), z.union([secret, whole], 'expected text, ${env:NAME} or file:/path'), 'expected headers')
    .superRefine((headers, ctx) => {
      for (const [header, value] of Object.entries(headers)) {
        const message = headerProblem(header, value);
        if (message !== null) ctx.addIssue({ code: 'custom', message, path: [header] });
      }
    })
    .optional(),
  secret: secret.optional(),
});

/** What may stand in `serin.yaml`. */
export const ConfigFile = fields({
  redis: fields({
    url: z.union([whole, secret], 'expected a redis:// URL, ${env:NAME} or file:/path').optional(),
    sentinel: fields({
      primary: text,
      nodes: redisNodes,
      username: whole.optional(),
      password: secret.optional(),
    }).optional(),
    cluster: fields({ nodes: redisNodes }).optional(),
    username: whole.optional(),
    password: secret.optional(),
    database: count(0, 1_000).optional(),
    tls: fields({ ca: text.optional(), certificate: text.optional(), privateKey: text.optional() }).optional(),
    waitForReplicas: count(0, 5).optional(),
  }).optional(),
  prometheus: fields({
    url: httpUrl,
    bearerToken: secret.optional(),
    timeout: duration({ min: '100ms', max: '1m' }).optional(),
  }).optional(),
  http: fields(listener).optional(),
  xds: fields({
    ...listener,
    tls: fields({ certificate: text, privateKey: text, clientCa: text }).optional(),
    allowPlaintext: z.boolean().optional(),
    allowRawEnvoy: z.boolean('expected true or false').optional(),
    limits: fields({
      maxStreams: count(1, 100_000).optional(),
      maxStreamsPerConnection: count(1, 1_000).optional(),
      maxResourceNames: count(1, 100_000).optional(),
      newStreamBurst: count(1, 100_000).optional(),
      newStreamsPerSecond: count(1, 100_000).optional(),
      requestBurst: count(10, 100_000).optional(),
      requestsPerSecond: count(1, 100_000).optional(),
      // With the jitter on top, and twice in a row, it stays below a day.
      maxConnectionAge: duration({ min: '1m', max: '10h' }).optional(),
      raiseBytesPerSecond: count(64 * 1024, 1024 ** 4).optional(),
    }).optional(),
  }).optional(),
  fleets: z.array(fleet, 'expected a list of fleets').min(1).max(64).optional(),
  notifiers: z.array(notifier, 'expected a list of notifiers').max(64).optional(),
  hooks: z.array(hook, 'expected a list of hooks').max(64).optional(),
  auth: fields({
    tokens: z.array(fields({ name, sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits') })).max(256),
  }).optional(),
  timing: fields({
    retireAfter: duration({ min: '1s', max: '30d' }).optional(),
    disconnectGrace: duration({ min: '0s', max: '1h' }).optional(),
  }).optional(),
  retention: fields({
    rolloutAge: duration({ min: '2d', max: '3650d' }).optional(),
    rollouts: count(10, 1_000_000).optional(),
    auditAge: duration({ min: '2d', max: '3650d' }).optional(),
    auditEntries: count(1_000, 1_000_000).optional(),
  }).optional(),
  data: fields({ folder: text }).optional(),
  log: fields({ level: choice(LOG_LEVELS) }).optional(),
  roles: z.array(choice(ROLES), 'expected a list of roles').min(1, 'at least one role').max(3).optional(),
});
export type ConfigFile = z.infer<typeof ConfigFile>;

export function isHttpUrl(value: string): boolean {
  return /^https?:\/\/[^\s]+$/.test(value) && !value.includes('${') && URL.canParse(value);
}
