import { existsSync } from 'node:fs';
import { type TailFile, tailFile } from './adapters/disk/tail-file.ts';
import { type WitnessFile, witnessFile } from './adapters/disk/witness-file.ts';
import { type EmbeddedRedis, runningStore, startEmbeddedRedis } from './adapters/store/embedded-redis.ts';
import { type RedisConnection, type RedisTls, redisAddress } from './adapters/store/redis-address.ts';
import { createRedisStore, type RedisStore, TAIL_LIMITS } from './adapters/store/redis-store.ts';
import { CommitTail } from './core/chain/commit-tail.ts';
import { fail, ok, type Result } from './core/model/errors.ts';
import { storeUnavailable } from './engine/load.ts';
import { migrateStore } from './engine/migrate-store.ts';
import type { LiveCertificates } from './engine/ports/certificates.ts';
import type { Clock } from './engine/ports/clock.ts';
import type { Logger } from './engine/ports/logger.ts';
import type { StoreArchive } from './engine/ports/store-archive.ts';
import { actingShapes } from './platform/acting-schema.ts';
import type { PemFiles } from './platform/certificate-watch.ts';
import { type Config, loadConfig } from './platform/config.ts';
import { createLogger } from './platform/logger.ts';
import { packageFile } from './platform/package-file.ts';
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
    const shapes = actingShapes(process.env);
    if (shapes.kind === 'error') return shapes;
    // A server that is not there is not waited for as long as one that has much to tell.
    const probe = createRedisStore({ connection, logger });
    const time = await probe.records.time();
    probe.close();
    if (time.kind === 'unavailable') return storeUnavailable(time);
    const store = createRedisStore({ connection, logger, deadlineMs: WHOLE_STORE_MS, shapes: shapes.value });
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
  const fetched = packageFile('.tools/bin');
  const started = await startEmbeddedRedis({ dir, searchFolders: [fetched], logger });
  return started.kind === 'started' ? ok(started.redis) : fail('SERIN_CONFIG_INVALID', started.detail);
}

/** `certificates`: as they are from now on; `null`: as they were read with the configuration. */
export function connectionOf(
  config: Config,
  embedded: EmbeddedRedis | null,
  certificates: LiveCertificates | null = null,
): RedisConnection {
  if (embedded !== null) return { socketPath: embedded.socketPath };
  const { redis } = config;
  if (redis === null) return { url: 'redis://127.0.0.1:6379' };
  const { at, username, password, database } = redis;
  const tls = redis.tls === null ? {} : { tls: tlsOf(redis.tls, certificates) };
  if (at.kind === 'url') return { url: at.url, ...tls };
  const login = { ...tls, ...(username === null ? {} : { username }), ...(password === null ? {} : { password }) };
  if (at.kind === 'cluster') return { cluster: { nodes: at.nodes }, ...login };
  const sentinel = {
    primary: at.primary,
    nodes: at.nodes,
    ...(at.username === null ? {} : { username: at.username }),
    ...(at.password === null ? {} : { password: at.password }),
  };
  return { sentinel, database, ...login };
}

export interface OpenedStore {
  readonly store: RedisStore;
  /** What this replica remembers of it; `null`: it has no folder. */
  readonly witness: WitnessFile | null;
  /** What this replica has kept of its last commits; `null`: in memory alone. */
  readonly kept: TailFile | null;
  /** What its last commits take in memory, bytes. */
  readonly tailBytes: () => number;
}

function tlsOf(files: PemFiles, live: LiveCertificates | null): RedisTls {
  const tls = {};
  for (const [option, name] of [
    ['ca', 'ca'],
    ['cert', 'certificate'],
    ['key', 'privateKey'],
  ] as const) {
    const file = files[name];
    if (file === null) continue;
    Object.defineProperty(tls, option, { enumerable: true, get: () => live?.current()[name] ?? file.pem });
  }
  return tls;
}

export async function openStore(
  connection: RedisConnection,
  logger: Logger,
  own: { readonly folder: string | null; readonly clock: Clock; readonly waitForReplicas: number },
): Promise<Result<OpenedStore>> {
  const { waitForReplicas } = own;
  const acting = actingShapes(process.env);
  if (acting.kind === 'error') return acting;
  let witness: WitnessFile | null;
  let kept: TailFile | null;
  let store: RedisStore;
  let tail: CommitTail;
  try {
    witness = own.folder === null ? null : witnessOf(own.folder, connection, own.clock, logger);
    const remembered = witness === null ? ok(null) : await witness.load();
    if (remembered.kind === 'error') return remembered;
    const onPoint = witness === null ? {} : { onPoint: witness.saw };
    kept =
      own.folder === null ? null : tailFile({ folder: own.folder, bytes: TAIL_LIMITS.bytes, clock: own.clock, logger });
    tail = new CommitTail(TAIL_LIMITS, (commit) => kept?.keep(commit), (await kept?.load()) ?? []);
    const about = { connection, logger, waitForReplicas, tail, shapes: acting.value };
    store = createRedisStore({ ...about, remembered: remembered.value, ...onPoint });
  } catch (error) {
    return fail('SERIN_CONFIG_INVALID', error instanceof Error ? error.message : 'the Redis URL cannot be used');
  }
  const health = await store.health();
  if (health.kind === 'ok') {
    for (const detail of health.warnings) logger.warn('store setting can lose data', { detail });
    const migrated = await migrateStore(store, logger);
    // A frozen store is not migrated; the engine is needed to end that.
    if (migrated.kind === 'ok' || migrated.errors[0]?.code === 'SERIN_STORE_REGRESSED')
      return ok({ store, witness, kept, tailBytes: () => tail.size() });
    store.close();
    return migrated;
  }
  store.close();
  if (health.kind === 'unusable') return fail('SERIN_CONFIG_INVALID', health.detail);
  return fail('SERIN_STORE_UNAVAILABLE', `the store does not answer: ${health.detail}`);
}

function witnessOf(folder: string, connection: RedisConnection, clock: Clock, logger: Logger): WitnessFile {
  return witnessFile({ folder, store: nameOf(connection), clock, logger });
}

/** By which a replica knows that it is still the same store. */
function nameOf(connection: RedisConnection): string {
  // That of `serin dev` goes where its folder goes.
  if ('socketPath' in connection) return 'of serin dev';
  if ('cluster' in connection) return `cluster of ${nodes(connection.cluster.nodes)}`;
  if ('sentinel' in connection) return `${connection.sentinel.primary} of ${nodes(connection.sentinel.nodes)}`;
  const { host, port, db } = redisAddress(connection);
  return `${host}:${port}/${db}`;
}

function nodes(all: readonly { readonly host: string; readonly port: number }[]): string {
  return all
    .map(({ host, port }) => `${host}:${port}`)
    .sort()
    .join();
}

/** Settings of the server that Serin would not have started on, or warned of. */
export async function troubleOf(store: RedisStore): Promise<readonly string[]> {
  const health = await store.health();
  if (health.kind === 'unusable') return [health.detail];
  return health.kind === 'ok' ? health.warnings : [];
}
