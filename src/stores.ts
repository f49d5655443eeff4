import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type EmbeddedRedis, runningStore, startEmbeddedRedis } from './adapters/store/embedded-redis.ts';
import type { RedisConnection } from './adapters/store/redis-address.ts';
import { createRedisStore, type RedisStore } from './adapters/store/redis-store.ts';
import { fail, ok, type Result } from './core/model/errors.ts';
import { storeUnavailable } from './engine/load.ts';
import { migrateStore } from './engine/migrate-store.ts';
import type { Logger } from './engine/ports/logger.ts';
import type { StoreArchive } from './engine/ports/store-archive.ts';
import { type Config, loadConfig } from './platform/config.ts';
import { createLogger } from './platform/logger.ts';
import type { StoreOptions } from './surfaces/cli/command-context.ts';

/** Part of the composition root: where the store is, and how it is opened. */

/** For one answer of Redis about everything it holds, ms. */
const WHOLE_STORE_MS = 60_000;

/** For what needs no engine. The store of `serin dev` may be in use by one, or not run at all. */
export async function withStore<T>(
  { config: path, dataDir }: StoreOptions,
  work: (archive: StoreArchive) => Promise<Result<T>>,
): Promise<Result<T>> {
  const loaded = loadConfig({ path, env: process.env, needRedis: false });
  if (loaded.kind === 'error') return loaded;
  const logger = createLogger({ level: 'error', to: process.stderr });
  let connection: RedisConnection = connectionOf(loaded.value, null);
  let embedded: EmbeddedRedis | null = null;
  if (loaded.value.redis === null) {
    if (!existsSync(dataDir)) {
      const message = `no Redis is configured, and there is no store in ${dataDir}`;
      return fail('SERIN_CONFIG_INVALID', message, { hint: 'Name one with --config or --data.' });
    }
    let socketPath = await runningStore(dataDir);
    if (socketPath === null) {
      const started = await startStore(dataDir, logger);
      if (started.kind === 'error') return started;
      embedded = started.value;
      socketPath = embedded.socketPath;
    }
    connection = { socketPath };
  }
  try {
    // A server that is not there is not waited for as long as one that has much to tell.
    const probe = createRedisStore({ connection, logger });
    const time = await probe.records.time();
    probe.close();
    if (time.kind === 'unavailable') return storeUnavailable(time);
    const store = createRedisStore({ connection, logger, deadlineMs: WHOLE_STORE_MS });
    const done = await work(store.archive);
    store.close();
    return done;
  } catch (error) {
    return fail('SERIN_CONFIG_INVALID', error instanceof Error ? error.message : 'the store cannot be opened');
  } finally {
    await embedded?.stop();
  }
}

export async function startStore(dir: string, logger: Logger): Promise<Result<EmbeddedRedis>> {
  // The folder that the tests and the demo fetch into, when run from a checkout.
  const fetched = fileURLToPath(new URL('../.tools/bin', import.meta.url));
  const started = await startEmbeddedRedis({ dir, searchFolders: [fetched], logger });
  return started.kind === 'started' ? ok(started.redis) : fail('SERIN_CONFIG_INVALID', started.detail);
}

export function connectionOf(config: Config, embedded: EmbeddedRedis | null): RedisConnection {
  if (embedded !== null) return { socketPath: embedded.socketPath };
  const { url, ca } = config.redis ?? { url: 'redis://127.0.0.1:6379', ca: null };
  return { url, ...(ca === null ? {} : { tls: { ca } }) };
}

export async function openStore(connection: RedisConnection, logger: Logger): Promise<Result<RedisStore>> {
  let store: RedisStore;
  try {
    store = createRedisStore({ connection, logger });
  } catch (error) {
    return fail('SERIN_CONFIG_INVALID', error instanceof Error ? error.message : 'the Redis URL cannot be used');
  }
  const health = await store.health();
  if (health.kind === 'ok') {
    for (const detail of health.warnings) logger.warn('store setting can lose data', { detail });
    const migrated = await migrateStore(store, logger);
    // A frozen store is not migrated; the engine is needed to end that.
    if (migrated.kind === 'ok' || migrated.errors[0]?.code === 'SERIN_STORE_REGRESSED') return ok(store);
    store.close();
    return migrated;
  }
  store.close();
  if (health.kind === 'unusable') return fail('SERIN_CONFIG_INVALID', health.detail);
  return fail('SERIN_STORE_UNAVAILABLE', `the store does not answer: ${health.detail}`);
}

/** Settings of the server that Serin would not have started on, or warned of. */
export async function troubleOf(store: RedisStore): Promise<readonly string[]> {
  const health = await store.health();
  if (health.kind === 'unusable') return [health.detail];
  return health.kind === 'ok' ? health.warnings : [];
}
