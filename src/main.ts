#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createNotifier } from './adapters/notify/notifier.ts';
import { createPrometheusSource } from './adapters/prometheus/prometheus-source.ts';
import { createKicks } from './adapters/scheduler/kicks.ts';
import { createWakeUps } from './adapters/scheduler/wake-ups.ts';
import type { EmbeddedRedis } from './adapters/store/embedded-redis.ts';
import { redisAddress } from './adapters/store/redis-address.ts';
import type { RedisStore } from './adapters/store/redis-store.ts';
import { createXdsServer, type XdsServer } from './adapters/xds/xds-server.ts';
import { thresholdJudge } from './core/analysis/threshold-judge.ts';
import { FleetLedgers } from './core/fleet/fleet-ledgers.ts';
import { fail, ok, type Result } from './core/model/errors.ts';
import type { Role } from './core/model/roles.ts';
import { activeRollouts, kickOnProgress } from './engine/active-rollouts.ts';
import { audited } from './engine/audited.ts';
import { createEngine, handleSubject } from './engine/create-engine.ts';
import { declareListeners } from './engine/declare-listeners.ts';
import type { Dependencies } from './engine/dependencies.ts';
import type { ReadinessCheck } from './engine/engine.ts';
import type { Logger } from './engine/ports/logger.ts';
import type { MetricsSource } from './engine/ports/metrics-source.ts';
import { dueCheck } from './engine/readiness.ts';
import { RETENTION_SUBJECT, sweepRetention } from './engine/retention.ts';
import { shareLedger } from './engine/share-ledger.ts';
import { createStoreWatch } from './engine/store-watch.ts';
import { createBell } from './platform/bell.ts';
import { type Config, isLoopback, loadConfig } from './platform/config.ts';
import { type CrashPoint, crashingEdges, crashingStore, readCrashPoint } from './platform/crash-point.ts';
import { humanLog } from './platform/human-log.ts';
import { createLifecycle, exitOnSignal } from './platform/lifecycle.ts';
import { createLogger } from './platform/logger.ts';
import { watchLoopLag } from './platform/loop-lag.ts';
import { createMetrics, type TableState } from './platform/metrics.ts';
import { replicaName } from './platform/replica-name.ts';
import { runAll } from './platform/run-all.ts';
import { shippedStrategies } from './platform/strategy-files.ts';
import { createSystemClock, type SystemClock } from './platform/system-clock.ts';
import { packageVersion } from './platform/version.ts';
import { connectionOf, openStore, startStore, troubleOf, withStore } from './stores.ts';
import { runCli } from './surfaces/cli/cli.ts';
import type { EngineOptions } from './surfaces/cli/command-context.ts';
import { startHttpServer } from './surfaces/http/http-server.ts';

/** Above this difference between wall and monotonic clock nothing advances, ms. */
const MAX_DRIFT_MS = 5_000;
const CLOCK_SYNC_MS = 2_000;
const DRAIN_DEADLINE_MS = 25_000;
/** After a start there is more important work. */
const FIRST_SWEEP_MS = 60_000;

/** Puts the rooms together and runs them until the process is told to stop. */
async function runEngine({ mode, config: path, dataDir, roles }: EngineOptions): Promise<Result<number>> {
  const loaded = loadConfig({ path, env: process.env, needRedis: mode === 'serve', roles });
  if (loaded.kind === 'error') return loaded;
  const config = loaded.value;
  const crash = readCrashPoint({ env: process.env });
  if (crash.kind === 'error') return crash;
  const logger = createLogger({
    level: config.logLevel,
    to: process.stdout.isTTY ? humanLog(process.stdout) : process.stdout,
  });
  const drainInstead = exitOnSignal();

  const embedded = mode === 'dev' && config.redis === null ? await startStore(dataDir, logger) : ok(null);
  if (embedded.kind === 'error') return embedded;
  const store = await openStore(connectionOf(config, embedded.value), logger);
  if (store.kind === 'error') {
    await embedded.value?.stop();
    return store;
  }
  const ended = await serve(config, store.value, embedded.value, logger, drainInstead, crash.value);
  store.value.close();
  await embedded.value?.stop();
  return ended;
}

async function serve(
  config: Config,
  realStore: RedisStore,
  embedded: EmbeddedRedis | null,
  logger: Logger,
  drainInstead: () => void,
  crash: CrashPoint | null,
): Promise<Result<number>> {
  const store = crash === null ? realStore : crashingStore(realStore, crash);
  const clock = createSystemClock();
  let storeUp = (_up: boolean): void => {};
  const stopSync = await followStoreClock(clock, store, logger, (up) => storeUp(up));
  let code = 0;
  const bell = createBell();
  const has = (role: Role): boolean => config.roles.includes(role);
  const redis = redisAddress(connectionOf(config, embedded));
  const ledgers = new FleetLedgers(() => clock.now());
  const xds = createXdsServer({
    ledgers,
    host: config.xds.host,
    port: config.xds.port,
    tls: xdsTls(config),
    traffic: store.traffic,
    fleets: config.fleets,
    clock,
    logger,
    limits: config.xds.limits,
    listens: has('xds'),
  });
  const ledger = shareLedger({
    ledgers,
    store: store.ledger,
    newName: () => replicaName(),
    regressed: (fleet) => hasRegressed(xds, fleet),
    clock,
    logger,
  });
  const metrics = createMetrics({
    version: packageVersion(),
    fleets: () => engine.fleetCounts(),
    driftMs: () => clock.driftMs(),
    tables: () => (has('xds') ? tableStates(config, xds) : []),
    census: () => store.counts.census(),
    store: () => ({ downMs: watch.downMs(), frozen: watch.frozen() !== null }),
  });
  const stopLoopWatch = watchLoopLag(clock, metrics.loopLag);
  const wakeUps = has('scheduler')
    ? createWakeUps({
        redis,
        due: store.due,
        clock,
        logger,
        onLate: (subject, lateMs) => {
          if (subject.startsWith('rollout/')) metrics.tickLate(lateMs);
        },
      })
    : createKicks({ redis, clock, logger });
  storeUp = (up) => metrics.meter.storeUp(up);
  // The health of the store was asked for a moment ago.
  storeUp(true);
  const notifier = createNotifier({
    targets: config.notifiers.map(({ secret, ...target }) => ({ ...target, ...(secret === null ? {} : { secret }) })),
    clock,
    logger,
    userAgent: `serin/${packageVersion()}`,
  });
  const edges = { metrics: metricsSource(config, clock, logger), notifier, wakeUps };
  const deps: Dependencies = {
    ...store,
    ...(crash === null ? edges : crashingEdges(edges, crash)),
    fleets: xds.view,
    history: xds.history,
    active: activeRollouts(),
    judge: thresholdJudge,
    clock,
    newId: () => `r${randomBytes(12).toString('hex')}`,
    logger,
    meter: {
      ...metrics.meter,
      event: (event) => {
        metrics.meter.event(event);
        bell.ring();
      },
    },
    settings: () => ({
      disconnectGraceMs: config.disconnectGraceMs,
      retireAfterMs: config.retireAfterMs,
      clockTrusted: clock.driftMs() <= MAX_DRIFT_MS,
    }),
    fleetNames: config.fleets.map(({ name }) => name),
  };
  const declared = () =>
    declareListeners(
      { ...store, logger },
      config.fleets.map(({ name: fleet, listeners }) => ({ fleet, listeners })),
    );
  const watch = createStoreWatch({
    lineage: store.lineage,
    notifier,
    clock,
    logger,
    trouble: () => troubleOf(store),
    onThaw: () => void declared(),
  });
  const checks = async () => [
    // Of a frozen store nothing is taken until a person decides.
    ...(watch.frozen() === null ? [await dueCheck(store.due, clock)] : []),
    ...xdsChecks(config, xds),
  ];
  const engine = audited(createEngine(deps, shippedStrategies(), checks), {
    audit: store.audit,
    clock,
    newId: deps.newId,
    logger,
  });
  const unsubscribe = kickOnProgress(xds.view, deps.active, wakeUps, clock);
  let http: Awaited<ReturnType<typeof startHttpServer>> | null = null;
  const lifecycle = createLifecycle({
    deadlineMs: DRAIN_DEADLINE_MS,
    logger,
    drain: async () => {
      const steps = [
        () => bell.ring(),
        () => http?.close(),
        () => wakeUps.stop(),
        () => notifier.close(),
        () => unsubscribe(),
        () => xds.drain(2_000),
        () => xds.stop(),
        () => ledger.stop(),
        () => watch.stop(),
        () => stopSync(),
        () => stopLoopWatch(),
      ];
      await runAll(steps).catch((failure: unknown) => {
        code = 1;
        throw failure;
      });
    },
  });
  drainInstead();
  void embedded?.exited.then(() => {
    if (lifecycle.state() !== 'READY') return;
    logger.error('the embedded store has ended; Serin stops, Envoys keep what they have');
    code = 1;
    void lifecycle.stop();
  });
  try {
    // Before anything acts: what the Envoys of other replicas have.
    await ledger.start();
    await watch.start();
    const listeners = watch.frozen() === null ? await declared() : ok('same');
    if (listeners.kind === 'error') {
      await lifecycle.stop();
      return listeners;
    }
    await xds.start();
    http = await startHttpServer({
      host: config.http.host,
      port: config.http.port,
      roles: config.roles,
      loopback: isLoopback(config.http.host),
      tokens: config.tokens,
      engine,
      logger,
      version: packageVersion(),
      metrics,
      accepting: () => lifecycle.state() === 'READY',
      pause: (ms) => bell.wait(ms),
    });
    const sweeping = { ...store, clock, logger, settings: config.retention };
    await wakeUps.start(async (subject) => {
      // On a frozen store nothing is decided; the lease brings the subject back.
      if (watch.frozen() !== null) return;
      await (subject === RETENTION_SUBJECT ? sweepRetention(sweeping) : handleSubject(deps, subject));
    });
    if (has('scheduler')) await store.due.schedule(RETENTION_SUBJECT, clock.now() + FIRST_SWEEP_MS);
  } catch (error) {
    await lifecycle.stop();
    return fail(
      'SERIN_CONFIG_INVALID',
      `Serin cannot start: ${error instanceof Error ? error.message : 'unknown reason'}`,
    );
  }
  lifecycle.ready();
  logger.info('serin is ready', {
    http: `http://${config.http.host}:${http.port}`,
    ...(has('xds') ? { xds: `${config.xds.host}:${xds.port}` } : {}),
    roles: config.roles.join(),
  });
  await lifecycle.stopped;
  return ok(code);
}

/** Keeps the process on the store's time, so that replicas agree about what is due. */
async function followStoreClock(
  clock: SystemClock,
  store: RedisStore,
  logger: Logger,
  tell: (up: boolean) => void,
): Promise<() => void> {
  const sync = async () => {
    const time = await store.records.time();
    tell(time.kind === 'ok');
    if (time.kind === 'ok') clock.follow(time.value);
    else logger.debug('store time not read', { detail: time.kind });
  };
  await sync();
  const timer = setInterval(() => void sync(), CLOCK_SYNC_MS);
  return () => clearInterval(timer);
}

function metricsSource(config: Config, clock: SystemClock, logger: Logger): MetricsSource {
  const { prometheus } = config;
  const fleets = config.fleets.flatMap(({ name, metrics }) => (metrics === null ? [] : [{ name, ...metrics }]));
  if (prometheus !== null) {
    const { url, bearerToken, timeoutMs } = prometheus;
    return createPrometheusSource({
      url,
      ...(bearerToken === null ? {} : { bearerToken }),
      timeoutMs,
      fleets,
      clock,
      logger,
    });
  }
  const gap = { kind: 'gap', gap: 'NO_DATA', detail: 'no Prometheus is configured' } as const;
  return { counters: async () => gap, scalar: async () => gap, proxies: async () => gap, scrapeMs: () => null };
}

function xdsTls({ xds: { tls } }: Config): { certificate: Buffer; privateKey: Buffer; clientCa: Buffer } | null {
  if (tls === null) return null;
  return {
    certificate: Buffer.from(tls.certificate),
    privateKey: Buffer.from(tls.privateKey),
    clientCa: Buffer.from(tls.clientCa),
  };
}

function hasRegressed(xds: XdsServer, fleet: string): boolean {
  return xds.refusals().get(fleet)?.errors[0]?.code === 'SERIN_STORE_REGRESSED';
}

function tableStates({ fleets }: Config, xds: XdsServer): TableState[] {
  const [loaded, refusals] = [xds.loaded(), xds.refusals()];
  return fleets.map(({ name: fleet }) => {
    if (hasRegressed(xds, fleet)) return { fleet, state: 'regressed' };
    if (refusals.has(fleet)) return { fleet, state: 'refused' };
    return { fleet, state: loaded.includes(fleet) ? 'served' : 'missing' };
  });
}

function xdsChecks(config: Config, xds: XdsServer): ReadinessCheck[] {
  const loaded = xds.loaded();
  const refusals = xds.refusals();
  return config.fleets.map(({ name }) => {
    const refusal = refusals.get(name);
    const check = { name: `xds/${name}`, roles: ['xds'] } as const;
    // Ready all the same: Envoys keep the last good table, and people need the API to mend the one refused.
    if (refusal !== undefined)
      return { ...check, ok: true, detail: `table refused: ${refusal.errors[0]?.message ?? 'unknown'}` };
    const isLoaded = loaded.includes(name);
    return { ...check, ok: isLoaded, detail: isLoaded ? 'table loaded' : 'table not loaded yet' };
  });
}

/** Runs the command line of this process. */
async function main(): Promise<void> {
  const interrupted = new AbortController();
  const args = process.argv.slice(2);
  let isEngine = false;
  const interrupt = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  };
  process.on('SIGINT', interrupt);
  // Whoever reads may have had enough (`| head`); what was asked for goes on, and so does its exit code.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  const code = await runCli(args, {
    out: process.stdout,
    err: process.stderr,
    env: process.env,
    version: packageVersion(),
    readStdin: () => readFileSync(0, 'utf8'),
    readToken: (file) => readFileSync(file, 'utf8').trim(),
    interrupted: interrupted.signal,
    strategies: shippedStrategies,
    withStore,
    runEngine: (options) => {
      // An engine drains.
      isEngine = true;
      process.off('SIGINT', interrupt);
      return runEngine(options);
    },
  });
  process.exitCode = code;
  // What a drain could not end in time must not keep the process.
  if (isEngine) setTimeout(() => process.exit(code), 1_000).unref();
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
