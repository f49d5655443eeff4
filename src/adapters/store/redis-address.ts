import type { RedisOptions } from 'ioredis';
import type { HostPort } from '../../core/model/documents.ts';
import { SLOT_MOVED, slotOwnerConnector } from './slot-owner.ts';

/** Read at every connection: certificates may have changed since the one before. */
export interface RedisTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Who Serin is at the servers that hold data. */
interface Login {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: RedisTls;
}

/** Where the store is. `url`: `redis://` or `rediss://` with optional user, password and `/db`. */
export type RedisConnection =
  | { readonly url: string; readonly tls?: RedisTls }
  | { readonly socketPath: string }
  /** The primary is whoever the sentinels say; they have users of their own. */
  | (Login & {
      readonly sentinel: {
        readonly primary: string;
        readonly nodes: readonly HostPort[];
        readonly username?: string;
        readonly password?: string;
      };
      readonly database?: number;
    })
  /** Some nodes of the cluster; the others are learned from them. */
  | (Login & { readonly cluster: { readonly nodes: readonly HostPort[] } });

export type RedisAddress = Pick<
  RedisOptions,
  | 'host'
  | 'port'
  | 'path'
  | 'db'
  | 'username'
  | 'password'
  | 'tls'
  | 'sentinels'
  | 'name'
  | 'sentinelUsername'
  | 'sentinelPassword'
  | 'sentinelTLS'
  | 'enableTLSForSentinelMode'
  | 'sentinelRetryStrategy'
  | 'sentinelCommandTimeout'
  | 'failoverDetector'
  | 'Connector'
  | 'reconnectOnError'
>;

/** The hash tag of all keys; BullMQ's are among them. */
export const HASH_TAG = '{serin}';
const SENTINEL_DEADLINE_MS = 1_000;
/** Said by a server that was the primary before a failover, and is still connected. */
const DEMOTED = /^READONLY /;

/** Client options for a connection; throws a `TypeError` for a URL that is not one (never quoting it: it may hold a password). */
export function redisAddress(connection: RedisConnection): RedisAddress {
  if ('socketPath' in connection) return { path: connection.socketPath };
  if ('url' in connection) return urlAddress(connection);
  const { username, password, tls } = connection;
  const login = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
  if ('cluster' in connection) {
    return {
      ...login,
      Connector: slotOwnerConnector(connection.cluster.nodes, HASH_TAG),
      reconnectOnError: ({ message }) => SLOT_MOVED.test(message) || DEMOTED.test(message),
    };
  }
  const { sentinel, database = 0 } = connection;
  return {
    ...login,
    db: database,
    name: sentinel.primary,
    sentinels: sentinel.nodes.map(({ host, port }) => ({ host, port })),
    ...(sentinel.username === undefined ? {} : { sentinelUsername: sentinel.username }),
    ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    // Without a number the client would give up for good, as it never does when a server is away.
    sentinelRetryStrategy: (attempt: number) => Math.min(50 * attempt, 500),
    sentinelCommandTimeout: SENTINEL_DEADLINE_MS,
    // A primary that was cut off goes on answering whoever is on its side.
    failoverDetector: true,
    reconnectOnError: ({ message }) => DEMOTED.test(message),
  };
}

function urlAddress(connection: { readonly url: string; readonly tls?: RedisTls }): RedisAddress {
  const url = URL.canParse(connection.url) ? new URL(connection.url) : null;
  if (url === null || (url.protocol !== 'redis:' && url.protocol !== 'rediss:')) {
    throw new TypeError('the Redis URL must look like redis://host:6379 or rediss://host:6379');
  }
  const db = url.pathname.length > 1 ? Number(url.pathname.slice(1)) : 0;
  if (!Number.isInteger(db) || db < 0) throw new TypeError('the path of the Redis URL must be a database number');
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: url.port === '' ? 6379 : Number(url.port),
    db,
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' || connection.tls !== undefined ? { tls: connection.tls ?? {} } : {}),
  };
}
