import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { USUAL_SCRAPE_MS } from '../core/analysis/sample-health.ts';
import { DEFAULT_PEER_LIMITS, type PeerLimits } from '../core/fleet/peer-limits.ts';
import { check } from '../core/manifest/check-yaml.ts';
import type { YamlDocument } from '../core/manifest/yaml-source.ts';
import { fail, type Result, type SerinError } from '../core/model/errors.ts';
import { ROLES, type Role } from '../core/model/roles.ts';
import { HTTP_FILTERS, type HttpFilter } from '../core/model/route-rule.ts';
import { shareAPort } from '../core/traffic/listener.ts';
import type { PemFile, PemFiles } from './certificate-watch.ts';
import { ConfigFile, isHttpUrl } from './config-grammar.ts';
import type { LogLevel } from './logger.ts';
import { onlyDocument } from './only-document.ts';
import { type RedisConfig, redisConfig } from './redis-config.ts';
import { revealSecret } from './reveal-secret.ts';

export interface FleetConfig {
  readonly name: string;
  readonly match: { readonly cluster?: string; readonly metadata?: Readonly<Record<string, string>> };
  readonly nodeFrom: 'id' | `metadata.${string}`;
  /** Where its Envoys take requests; empty: they say that themselves. */
  readonly listeners: readonly { readonly listener: string; readonly address: string; readonly port: number }[];
  /** Filters in the HTTP chains of its Envoys, as far as routes may need them. */
  readonly filters: readonly HttpFilter[];
  /** `null`: this fleet has no metrics; plans with analyses are refused for it. */
  readonly metrics: {
    readonly selector: Readonly<Record<string, string>>;
    readonly nodeLabel: string;
    readonly scrapeIntervalMs: number;
  } | null;
}

/** The engine's configuration, defaults filled in, secrets resolved. */
export interface Config {
  readonly roles: readonly Role[];
  readonly redis: RedisConfig | null;
  readonly prometheus: { readonly url: string; readonly bearerToken: string | null; readonly timeoutMs: number } | null;
  readonly http: { readonly host: string; readonly port: number };
  readonly xds: {
    readonly host: string;
    readonly port: number;
    readonly tls: PemFiles | null;
    /** Documents may speak to Envoy in its own words. */
    readonly allowRawEnvoy: boolean;
    readonly limits: PeerLimits;
  };
  readonly fleets: readonly FleetConfig[];
  readonly notifiers: readonly {
    readonly name: string;
    readonly format: 'slack' | 'slack-legacy' | 'generic';
    readonly url: string;
    readonly secret: string | null;
  }[];
  /** Whom steps of plans may ask. */
  readonly hooks: readonly {
    readonly name: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly secret: string | null;
  }[];
  readonly tokens: readonly { readonly name: string; readonly sha256: string }[];
  readonly retireAfterMs: number;
  readonly disconnectGraceMs: number;
  readonly retention: {
    readonly rolloutAgeMs: number;
    readonly rollouts: number;
    readonly auditAgeMs: number;
    readonly auditEntries: number;
  };
  /** Of this replica alone, for what must outlive it while the store is away; `null`: it keeps no file. */
  readonly dataFolder: string | null;
  readonly logLevel: LogLevel;
}

/**
 * Reads `serin.yaml`: `--config`, `SERIN_CONFIG`, `./serin.yaml`, then `$XDG_CONFIG_HOME/serin/config.yaml`.
 * Without any file the defaults hold. `needRedis`: production names its Redis, `serin dev` brings one.
 */
export function loadConfig(options: {
  readonly path: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly needRedis: boolean;
  /** Wins over the file; `null`: not said. */
  readonly roles?: readonly Role[] | null;
}): Result<Config> {
  const { env, roles = null } = options;
  // An empty variable is none.
  const wanted = options.path ?? (env.SERIN_CONFIG || null);
  const xdg = env.XDG_CONFIG_HOME || join(env.HOME ?? '/', '.config');
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
  return parseConfig({ file: found ?? 'defaults', text: content, env, needRedis: options.needRedis, roles });
}

export function parseConfig(input: {
  readonly file: string;
  /** `null`: no file, defaults only. */
  readonly text: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly needRedis: boolean;
  readonly roles?: readonly Role[] | null;
}): Result<Config> {
  const errors: SerinError[] = [];
  let raw: ConfigFile = {};
  let document: YamlDocument | null = null;
  if (input.text !== null) {
    const read = onlyDocument(input.file, input.text);
    if (read.kind === 'error') return read;
    document = read.value;
    const checked = check(document, ConfigFile, document.value, '', errors, 'SERIN_CONFIG_INVALID');
    if (checked === null) return { kind: 'error', errors };
    raw = checked;
  }
  const refuse: Refuse = (message, path) => {
    const place = document === null || path === '' ? {} : { place: document.placeOf(path) };
    errors.push({ code: 'SERIN_CONFIG_INVALID', message, path, ...place });
  };
  const reveal: Reveal = (value, path) => {
    const revealed = revealSecret(value, input.env);
    if (revealed === null) refuse(`${value} is not set or cannot be read`, path);
    return revealed ?? '';
  };
  const config = assemble(
    { ...raw, ...(input.roles == null ? {} : { roles: [...input.roles] }) },
    input.env,
    reveal,
    refuse,
  );
  unsafe(config, raw, input.env, input.needRedis, refuse);
  return errors.length > 0 ? { kind: 'error', errors } : { kind: 'ok', value: config };
}

/** `path`: of the key to look at; empty when it is none of the file's. */
type Refuse = (message: string, path: string) => void;
type Reveal = (value: string, path: string) => string;

function limitsOf(raw: NonNullable<ConfigFile['xds']>['limits'] = {}): PeerLimits {
  const { maxConnectionAge, ...counts } = raw;
  const given = { ...counts, maxConnectionAgeMs: maxConnectionAge };
  const limits = Object.entries(DEFAULT_PEER_LIMITS) as [keyof PeerLimits, number][];
  return Object.fromEntries(limits.map(([key, usual]) => [key, given[key] ?? usual])) as unknown as PeerLimits;
}

function assemble(
  raw: ConfigFile,
  env: Readonly<Record<string, string | undefined>>,
  reveal: Reveal,
  refuse: Refuse,
): Config {
  const portOf = (variable: string, fallback: number): number => {
    const value = env[variable] || null;
    if (value === null) return fallback;
    if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
    refuse(`${variable} is no port`, '');
    return fallback;
  };
  const read = (file: string, path: string): PemFile => ({ file, pem: reveal(`file:${file}`, path) });
  // Found out at the first delivery, every message until then would be a dead letter.
  const webhook = (value: string, path: string) => {
    const url = reveal(value, path);
    if (url !== '' && !isHttpUrl(url)) refuse(`the value of ${value} is no http:// or https:// URL`, path);
    return url;
  };
  const headerValue = (value: string, path: string) => {
    const text = reveal(value, path);
    if (!/^[\x20-\x7e]*$/.test(text)) refuse(`the value of ${value} is no header: it has more than plain text`, path);
    return text;
  };
  const tls = raw.xds?.tls;
  return {
    roles: ROLES.filter((role) => raw.roles?.includes(role) ?? true),
    redis: redisConfig({ raw: raw.redis, envUrl: env.SERIN_REDIS_URL || undefined, reveal, read, refuse }),
    prometheus:
      raw.prometheus === undefined
        ? null
        : {
            url: raw.prometheus.url,
            bearerToken:
              raw.prometheus.bearerToken === undefined
                ? null
                : reveal(raw.prometheus.bearerToken, 'prometheus.bearerToken'),
            timeoutMs: raw.prometheus.timeout ?? 5_000,
          },
    http: { host: raw.http?.host ?? '127.0.0.1', port: portOf('SERIN_HTTP_PORT', raw.http?.port ?? 7070) },
    xds: {
      host: raw.xds?.host ?? '127.0.0.1',
      port: portOf('SERIN_XDS_PORT', raw.xds?.port ?? 18_000),
      tls:
        tls === undefined
          ? null
          : {
              certificate: read(tls.certificate, 'xds.tls.certificate'),
              privateKey: read(tls.privateKey, 'xds.tls.privateKey'),
              ca: read(tls.clientCa, 'xds.tls.clientCa'),
            },
      allowRawEnvoy: raw.xds?.allowRawEnvoy ?? false,
      limits: limitsOf(raw.xds?.limits),
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
        listeners: (one.listeners ?? []).map(({ name: listener, address, port }) => ({ listener, address, port })),
        // Those that Serin itself lays out have them all.
        filters: one.filters ?? ((one.listeners ?? []).length > 0 ? HTTP_FILTERS : []),
        metrics:
          one.metrics === undefined || raw.prometheus === undefined
            ? null
            : {
                selector: one.metrics.selector ?? {},
                nodeLabel: one.metrics.nodeLabel ?? 'instance',
                scrapeIntervalMs: one.metrics.scrapeInterval ?? USUAL_SCRAPE_MS,
              },
      }),
    ),
    notifiers: (raw.notifiers ?? []).map((one, i) => ({
      name: one.name,
      format: one.type ?? 'slack',
      url: webhook(one.url, `notifiers[${i}].url`),
      secret: one.secret === undefined ? null : reveal(one.secret, `notifiers[${i}].secret`),
    })),
    hooks: (raw.hooks ?? []).map((one, i) => ({
      name: one.name,
      url: webhook(one.url, `hooks[${i}].url`),
      headers: Object.fromEntries(
        Object.entries(one.headers ?? {}).map(([key, value]) => [
          key,
          headerValue(value, `hooks[${i}].headers.${key}`),
        ]),
      ),
      secret: one.secret === undefined ? null : reveal(one.secret, `hooks[${i}].secret`),
    })),
    tokens: raw.auth?.tokens ?? [],
    retireAfterMs: raw.timing?.retireAfter ?? 86_400_000,
    disconnectGraceMs: raw.timing?.disconnectGrace ?? 30_000,
    retention: {
      rolloutAgeMs: raw.retention?.rolloutAge ?? 90 * 86_400_000,
      rollouts: raw.retention?.rollouts ?? 10_000,
      auditAgeMs: raw.retention?.auditAge ?? 365 * 86_400_000,
      auditEntries: raw.retention?.auditEntries ?? 100_000,
    },
    dataFolder: raw.data === undefined ? null : resolve(raw.data.folder),
    logLevel: raw.log?.level ?? 'info',
  };
}

/** Settings that would open a door: the process does not start, and says which line to add. */
function unsafe(
  config: Config,
  raw: ConfigFile,
  env: Readonly<Record<string, string | undefined>>,
  needRedis: boolean,
  refuse: Refuse,
): void {
  if (!isLoopback(config.http.host) && config.tokens.length === 0) {
    refuse(
      `the API would be open to everybody on ${config.http.host}; add auth.tokens or bind to 127.0.0.1`,
      'http.host',
    );
  }
  if (
    config.roles.includes('xds') &&
    !isLoopback(config.xds.host) &&
    config.xds.tls === null &&
    raw.xds?.allowPlaintext !== true
  ) {
    refuse(
      `xDS on ${config.xds.host} would be plain; add xds.tls, or xds.allowPlaintext: true on a private network`,
      'xds.host',
    );
  }
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === '0')
    refuse('NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate checks off; unset it', '');
  if (needRedis && config.redis === null) refuse('serve needs a Redis; add redis.url, or run serin dev', 'redis.url');
  for (const [key, named] of Object.entries({
    fleets: config.fleets,
    notifiers: config.notifiers,
    hooks: config.hooks,
  })) {
    named.forEach(({ name }, i) => {
      if (named.findIndex((other) => other.name === name) < i)
        refuse(`two ${key} have the name ${name}`, `${key}[${i}].name`);
    });
  }
  config.fleets.forEach(({ listeners }, i) => {
    listeners.forEach((one, j) => {
      const clash = listeners.findIndex((other) => other.listener === one.listener || shareAPort(other, one));
      if (clash < j) refuse('two listeners of the fleet have one name or one port', `fleets[${i}].listeners[${j}]`);
    });
  });
}

/** Loopback hosts, as a user would write them. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
