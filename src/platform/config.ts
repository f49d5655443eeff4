import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { check } from '../core/manifest/check-yaml.ts';
import { choice, duration, fields } from '../core/manifest/fields.ts';
import { readYaml } from '../core/manifest/yaml-source.ts';
import { fail, type Result, type SerinError } from '../core/model/errors.ts';
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
const listener = { host: text.optional(), port: port.optional() };
const name = z.string('expected a name').regex(/^[A-Za-z0-9_-]{1,63}$/, 'expected letters, digits, "_" and "-"');
const httpUrl = text.refine((value) => /^https?:\/\/[^\s]+$/.test(value), 'expected an http:// or https:// URL');

const nodeFrom = z.string().regex(/^(id|metadata\.[A-Za-z0-9_.-]+)$/, 'expected id or metadata.<path>');

const fleet = fields({
  name,
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

const file = fields({
  redis: fields({ url: z.union([text, secret]), tls: fields({ ca: text.optional() }).optional() }).optional(),
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
  }).optional(),
  fleets: z.array(fleet, 'expected a list of fleets').min(1).max(64).optional(),
  notifiers: z.array(notifier, 'expected a list of notifiers').max(64).optional(),
  auth: fields({
    tokens: z.array(fields({ name, sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits') })).max(256),
  }).optional(),
  timing: fields({
    retireAfter: duration({ min: '1s', max: '30d' }).optional(),
    disconnectGrace: duration({ min: '0s', max: '1h' }).optional(),
  }).optional(),
  log: fields({ level: choice(LOG_LEVELS) }).optional(),
});

export interface FleetConfig {
  readonly name: string;
  readonly match: { readonly cluster?: string; readonly metadata?: Readonly<Record<string, string>> };
  readonly nodeFrom: 'id' | `metadata.${string}`;
  /** `null`: this fleet has no metrics; plans with analyses are refused for it. */
  readonly metrics: {
    readonly selector: Readonly<Record<string, string>>;
    readonly nodeLabel: string;
    readonly scrapeIntervalMs: number;
  } | null;
}

/** The engine's configuration, defaults filled in, secrets resolved. */
export interface Config {
  readonly redis: { readonly url: string; readonly ca: string | null } | null;
  readonly prometheus: { readonly url: string; readonly bearerToken: string | null; readonly timeoutMs: number } | null;
  readonly http: { readonly host: string; readonly port: number };
  readonly xds: {
    readonly host: string;
    readonly port: number;
    readonly tls: { readonly certificate: string; readonly privateKey: string; readonly clientCa: string } | null;
  };
  readonly fleets: readonly FleetConfig[];
  readonly notifiers: readonly {
    readonly name: string;
    readonly format: 'slack' | 'slack-legacy' | 'generic';
    readonly url: string;
    readonly secret: string | null;
  }[];
  readonly tokens: readonly { readonly name: string; readonly sha256: string }[];
  readonly retireAfterMs: number;
  readonly disconnectGraceMs: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/**
 * Reads `serin.yaml`: `--config`, `SERIN_CONFIG`, `./serin.yaml`, then `$XDG_CONFIG_HOME/serin/config.yaml`.
 * Without any file the defaults hold. `needRedis`: production names its Redis, `serin dev` brings one.
 */
export function loadConfig(options: {
  readonly path: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly needRedis: boolean;
}): Result<Config> {
  const { env } = options;
  const wanted = options.path ?? env.SERIN_CONFIG ?? null;
  const xdg = env.XDG_CONFIG_HOME ?? join(env.HOME ?? '/', '.config');
  const found =
    wanted ?? ['serin.yaml', join(xdg, 'serin', 'config.yaml')].find((candidate) => existsSync(candidate)) ?? null;
  let content: string | null = null;
  if (found !== null) {
    try {
      content = readFileSync(found, 'utf8');
    } catch {
      return fail('SERIN_CONFIG_INVALID', `the configuration ${found} cannot be read`);
    }
  }
  return parseConfig({ file: found ?? 'defaults', text: content, env, needRedis: options.needRedis });
}

export function parseConfig(input: {
  readonly file: string;
  /** `null`: no file, defaults only. */
  readonly text: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly needRedis: boolean;
}): Result<Config> {
  const errors: SerinError[] = [];
  let raw: z.infer<typeof file> = {};
  if (input.text !== null) {
    const read = readYaml({ file: input.file, text: input.text });
    const [document] = read.documents;
    if (document === undefined) return { kind: 'error', errors: read.errors };
    const checked = check(document, file, document.value, '', errors, 'SERIN_CONFIG_INVALID');
    if (checked === null) return { kind: 'error', errors };
    raw = checked;
  }
  const reveal = (value: string): string => {
    const revealed = revealSecret(value, input.env);
    if (revealed !== null) return revealed;
    errors.push({ code: 'SERIN_CONFIG_INVALID', message: `${value} is not set or cannot be read` });
    return '';
  };
  const config = assemble(raw, input.env, reveal);
  errors.push(...unsafe(config, raw, input.env, input.needRedis));
  return errors.length > 0 ? { kind: 'error', errors } : { kind: 'ok', value: config };
}

function assemble(
  raw: z.infer<typeof file>,
  env: Readonly<Record<string, string | undefined>>,
  reveal: (value: string) => string,
): Config {
  const fromEnv = (variable: string, fallback: number): number => {
    const value = env[variable];
    return value !== undefined && /^\d{1,5}$/.test(value) ? Number(value) : fallback;
  };
  const redisUrl = env.SERIN_REDIS_URL ?? raw.redis?.url;
  const read = (path: string) => reveal(`file:${path}`);
  const tls = raw.xds?.tls;
  return {
    redis:
      redisUrl === undefined
        ? null
        : { url: reveal(redisUrl), ca: raw.redis?.tls?.ca === undefined ? null : read(raw.redis.tls.ca) },
    prometheus:
      raw.prometheus === undefined
        ? null
        : {
            url: raw.prometheus.url,
            bearerToken: raw.prometheus.bearerToken === undefined ? null : reveal(raw.prometheus.bearerToken),
            timeoutMs: raw.prometheus.timeout ?? 5_000,
          },
    http: { host: raw.http?.host ?? '127.0.0.1', port: fromEnv('SERIN_HTTP_PORT', raw.http?.port ?? 7070) },
    xds: {
      host: raw.xds?.host ?? '127.0.0.1',
      port: fromEnv('SERIN_XDS_PORT', raw.xds?.port ?? 18_000),
      tls:
        tls === undefined
          ? null
          : { certificate: read(tls.certificate), privateKey: read(tls.privateKey), clientCa: read(tls.clientCa) },
    },
    fleets: (raw.fleets ?? [{ name: 'edge' }]).map(
      (one): FleetConfig => ({
        name: one.name,
        match: {
          ...(one.match?.cluster === undefined ? {} : { cluster: one.match.cluster }),
          ...(one.match?.metadata === undefined ? {} : { metadata: one.match.metadata }),
          ...(one.match === undefined ? { cluster: one.name } : {}),
        },
        nodeFrom: (one.metrics?.nodeFrom ?? 'id') as FleetConfig['nodeFrom'],
        metrics:
          one.metrics === undefined || raw.prometheus === undefined
            ? null
            : {
                selector: one.metrics.selector ?? {},
                nodeLabel: one.metrics.nodeLabel ?? 'instance',
                scrapeIntervalMs: one.metrics.scrapeInterval ?? 15_000,
              },
      }),
    ),
    notifiers: (raw.notifiers ?? []).map((one) => ({
      name: one.name,
      format: one.type ?? 'slack',
      url: reveal(one.url),
      secret: one.secret === undefined ? null : reveal(one.secret),
    })),
    tokens: raw.auth?.tokens ?? [],
    retireAfterMs: raw.timing?.retireAfter ?? 86_400_000,
    disconnectGraceMs: raw.timing?.disconnectGrace ?? 30_000,
    logLevel: raw.log?.level ?? 'info',
  };
}

/** Settings that would open a door: the process does not start, and says which line to add. */
function unsafe(
  config: Config,
  raw: z.infer<typeof file>,
  env: Readonly<Record<string, string | undefined>>,
  needRedis: boolean,
): SerinError[] {
  const errors: SerinError[] = [];
  const refuse = (message: string, path: string) => errors.push({ code: 'SERIN_CONFIG_INVALID', message, path });
  if (!isLoopback(config.http.host) && config.tokens.length === 0) {
    refuse(
      `the API would be open to everybody on ${config.http.host}; add auth.tokens or bind to 127.0.0.1`,
      'http.host',
    );
  }
  if (!isLoopback(config.xds.host) && config.xds.tls === null && raw.xds?.allowPlaintext !== true) {
    refuse(
      `xDS on ${config.xds.host} would be plain; add xds.tls, or xds.allowPlaintext: true on a private network`,
      'xds.host',
    );
  }
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === '0')
    refuse('NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate checks off; unset it', '');
  if (needRedis && config.redis === null) refuse('serve needs a Redis; add redis.url, or run serin dev', 'redis.url');
  const names = config.fleets.map((one) => one.name);
  if (new Set(names).size !== names.length) refuse('two fleets have the same name', 'fleets');
  return errors;
}

/** Loopback hosts, as a user would write them. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function revealSecret(value: string, env: Readonly<Record<string, string | undefined>>): string | null {
  const variable = /^\$\{env:(\w+)\}$/.exec(value)?.[1];
  if (variable !== undefined) return env[variable] ?? null;
  if (!value.startsWith('file:')) return value;
  try {
    const path = value.slice('file:'.length);
    return readFileSync(isAbsolute(path) ? path : resolve(path), 'utf8').trim();
  } catch {
    return null;
  }
}
