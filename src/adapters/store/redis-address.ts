import type { RedisOptions } from 'ioredis';

/** Where the store is. `url`: `redis://` or `rediss://` with optional user, password and `/db`. */
export type RedisConnection =
  | { readonly url: string; readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } }
  | { readonly socketPath: string };

export type RedisAddress = Pick<RedisOptions, 'host' | 'port' | 'path' | 'db' | 'username' | 'password' | 'tls'>;

/** Client options for a connection; throws a `TypeError` for a URL that is not one (never quoting it: it may hold a password). */
export function redisAddress(connection: RedisConnection): RedisAddress {
  if ('socketPath' in connection) return { path: connection.socketPath };
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
    ...(url.protocol === 'rediss:' || connection.tls !== undefined ? { tls: { ...connection.tls } } : {}),
  };
}
