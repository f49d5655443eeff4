import type { HostPort } from '../core/model/documents.ts';
import { parseHostPort } from '../core/model/host-port.ts';
import type { PemFile, PemFiles } from './certificate-watch.ts';
import type { ConfigFile } from './config-grammar.ts';

/** How the server that holds the data is found. */
type Finding =
  | { readonly kind: 'url'; readonly url: string }
  | {
      readonly kind: 'sentinel';
      readonly primary: string;
      readonly nodes: readonly HostPort[];
      readonly username: string | null;
      readonly password: string | null;
    }
  | { readonly kind: 'cluster'; readonly nodes: readonly HostPort[] };

export interface RedisConfig {
  readonly at: Finding;
  /** Of a URL they are in the URL. */
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  /** `null`: as the URL says; without one plain. */
  readonly tls: PemFiles | null;
  /** What raises traffic waits until so many replicas have it. */
  readonly waitForReplicas: number;
}

type Raw = NonNullable<ConfigFile['redis']>;

/** What `redis` in the file and `SERIN_REDIS_URL`, which wins over the ways to find one, say together. */
export function redisConfig(input: {
  readonly raw: Raw | undefined;
  readonly envUrl: string | undefined;
  readonly reveal: (value: string, path: string) => string;
  readonly read: (file: string, path: string) => PemFile;
  readonly refuse: (message: string, path: string) => void;
}): RedisConfig | null {
  const { raw = {}, envUrl, reveal, refuse } = input;
  const at = findingOf(raw, envUrl, reveal, refuse);
  if (at === null) return null;
  const { tls } = raw;
  if (at.kind === 'url') {
    for (const key of ['username', 'password', 'database'] as const)
      if (raw[key] !== undefined && envUrl === undefined) refuse('with redis.url it stands in the URL', `redis.${key}`);
  }
  if (at.kind === 'cluster' && raw.database !== undefined) refuse('a cluster has one database', 'redis.database');
  if ((tls?.certificate === undefined) !== (tls?.privateKey === undefined))
    refuse('a certificate needs its private key, and the other way round', 'redis.tls');
  const file = (key: 'ca' | 'certificate' | 'privateKey') =>
    tls?.[key] === undefined ? null : input.read(tls[key], `redis.tls.${key}`);
  return {
    at,
    username: raw.username ?? null,
    password: raw.password === undefined ? null : reveal(raw.password, 'redis.password'),
    database: raw.database ?? 0,
    tls:
      tls === undefined ? null : { ca: file('ca'), certificate: file('certificate'), privateKey: file('privateKey') },
    // Who runs several servers wants to survive the loss of one.
    waitForReplicas: raw.waitForReplicas ?? (at.kind === 'url' ? 0 : 1),
  };
}

function findingOf(
  { url, sentinel, cluster }: Raw,
  envUrl: string | undefined,
  reveal: (value: string, path: string) => string,
  refuse: (message: string, path: string) => void,
): Finding | null {
  if (envUrl !== undefined) return { kind: 'url', url: reveal(envUrl, '') };
  if ([url, sentinel, cluster].filter((way) => way !== undefined).length > 1)
    refuse('one of url, sentinel and cluster says where Redis is; there are several', 'redis');
  if (sentinel !== undefined) {
    const { primary, nodes, username, password } = sentinel;
    return {
      kind: 'sentinel',
      primary,
      nodes: nodesOf(nodes),
      username: username ?? null,
      password: password === undefined ? null : reveal(password, 'redis.sentinel.password'),
    };
  }
  if (cluster !== undefined) return { kind: 'cluster', nodes: nodesOf(cluster.nodes) };
  return url === undefined ? null : { kind: 'url', url: reveal(url, 'redis.url') };
}

function nodesOf(texts: readonly string[]): readonly HostPort[] {
  return texts.flatMap((text) => parseHostPort(text) ?? []);
}
