import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { emergencyJournal, NO_JOURNAL } from './adapters/disk/emergency-journal.ts';
import { createHooks } from './adapters/notify/hooks.ts';
import { createNotifier } from './adapters/notify/notifier.ts';
import { createKicks } from './adapters/scheduler/kicks.ts';
import { createWakeUps } from './adapters/scheduler/wake-ups.ts';
import type { EmbeddedRedis } from './adapters/store/embedded-redis.ts';
import { redisAddress } from './adapters/store/redis-address.ts';
import type { RedisStore } from './adapters/store/redis-store.ts';
import { createXdsServer } from './adapters/xds/xds-server.ts';
import { judgeByPlan } from './core/analysis/judge-by-plan.ts';
import { FleetLedgers } from './core/fleet/fleet-ledgers.ts';
import { fail, ok, type Result } from './core/model/errors.ts';
import type { Role } from './core/model/roles.ts';
import { activeRollouts, kickOnProgress } from './engine/active-rollouts.ts';
import { audited } from './engine/audited.ts';
import { createEngine, handleSubject } from './engine/create-engine.ts';
import { declareListeners } from './engine/declare-listeners.ts';
import type { Dependencies } from './engine/dependencies.ts';
import { createEmergencies } from './engine/emergency.ts';
import { kickOnCrash } from './engine/kick-on-crash.ts';
import type { LoadReports } from './engine/ports/load-reports.ts';
import type { Logger } from './engine/ports/logger.ts';
import { dueCheck, schemaCheck } from './engine/readiness.ts';
import { RETENTION_SUBJECT, sweepRetention } from './engine/retention.ts';
import { shareLedger } from './engine/share-ledger.ts';
import { createStoreWatch } from './engine/store-watch.ts';
import { tracedHooks, tracedMetrics, tracedNotifier, tracedRecords, tracedSubject } from './engine/traced.ts';
import { readRawEnvoy } from './envoy-resources.ts';
import { hasRegressed, tableStates, xdsChecks } from './fleet-tables.ts';
import { type EngineCertificates, engineCertificates } from './live-certificates.ts';
import { metricsSource, withoutSecrets } from './metrics-source.ts';
import { createBell } from './platform/bell.ts';
import { type Config, isLoopback, loadConfig } from './platform/config.ts';
import { type CrashPoint, crashingEdges, crashingStore, readCrashPoint } from './platform/crash-point.ts';
import { humanLog } from './platform/human-log.ts';
import { createLifecycle, exitOnSignal } from './platform/lifecycle.ts';
import { createLogger } from './platform/logger.ts';
import { watchLoopLag } from './platform/loop-lag.ts';
import { createMetrics } from './platform/metrics.ts';
import { replicaName } from './platform/replica-name.ts';
import { runAll } from './platform/run-all.ts';
import { shippedStrategies } from './platform/strategy-files.ts';
import { createSystemClock, type SystemClock } from './platform/system-clock.ts';
import { createRequestTraces, createTracer } from './platform/tracing.ts';
import { packageVersion } from './platform/version.ts';
import { startWatchdog } from './platform/watchdog.ts';
import { connectionOf, type OpenedStore, openStore, startStore, troubleOf } from './stores.ts';
import type { EngineOptions } from './surfaces/cli/command-context.ts';
import { startHttpServer } from './surfaces/http/http-server.ts';

/** Part of the composition root: the engine's process. */

/** Above this difference between wall and monotonic clock nothing advances, ms. */
const MAX_DRIFT_MS = 5_000;
const CLOCK_SYNC_MS = 2_000;
const DRAIN_DEADLINE_MS = 25_000;
/** After a start there is more important work. */
const FIRST_SWEEP_MS = 60_000;

/** Puts the rooms together and runs them until the process is told to stop. */
export async function runEngine({ mode, config: path, dataDir, roles }: EngineOptions): Promise<Result<number>> {
  const loaded = loadConfig({ path, env: process.env, needRedis: mode === 'serve', roles });
  if (loaded.kind === 'error') return loaded;
  // What `serin dev` keeps goes beside its store.
  const beside = mode === 'dev' ? resolve(dataDir, 'replica') : null;
  const config: Config = { ...loaded.value, dataFolder: loaded.value.dataFolder ?? beside };
  const crash = readCrashPoint({ env: process.env });
  if (crash.kind === 'error') return crash;
  const logger = createLogger({
    level: config.logLevel,
    to: process.stdout.isTTY ? humanLog(process.stdout) : process.stdout,
  });
  const drainInstead = exitOnSignal();

  const embedded = mode === 'dev' && config.redis === null ? await startStore(dataDir, logger) : ok(null);
  if (embedded.kind === 'error') return embedded;
  const clock = createSystemClock();
  const certificates = engineCertificates(config, clock, logger);
  const connection = connectionOf(config, embedded.value, certificates.redis);
  const waitForReplicas = embedded.value === null ? (config.redis?.waitForReplicas ?? 0) : 0;
  const opened = await openStore(connection, logger, { folder: config.dataFolder, clock, waitForReplicas });
  if (opened.kind === 'error') {
    for (const watch of certificates.watches) watch.stop();
    await embedded.value?.stop();
    return opened;
  }
  const { store, witness, kept } = opened.value;
  const parts = { ...opened.value, embedded: embedded.value, clock, certificates };
  const watchdog = startWatchdog();
  const ended = await serve(config, parts, logger, drainInstead, crash.value);
  await watchdog.stop();
  for (const watch of certificates.watches) watch.stop();
  store.close();
  await kept?.close();
  await witness?.close();
  await embedded.value?.stop();
  return ended;
}

/** What is there before the engine is. */
interface Parts extends OpenedStore {
  readonly embedded: EmbeddedRedis | null;
  readonly clock: SystemClock;
  readonly certificates: EngineCertificates;
}

async function serve(
  config: Config,
  { store: realStore, embedded, clock, witness, kept, tailBytes, certificates }: Parts,
  logger: Logger,
  drainInstead: () => void,
  crash: CrashPoint | null,
): Promise<Result<number>> {
  const tracer = createTracer(packageVersion());
  const whole = crash === null ? realStore : crashingStore(realStore, crash);
  const store = { ...whole, records: tracedRecords(whole.records, tracer) };
  let storeUp = (_up: boolean): void => {};
  const stopSync = await followStoreClock(clock, store, logger, (up) => storeUp(up));
  let code = 0;
  const bell = createBell();
  const has = (role: Role): boolean => config.roles.includes(role);
  const redis = redisAddress(connectionOf(config, embedded, certificates.redis));
  const ledgers = new FleetLedgers(() => clock.now());
  const xds = createXdsServer({
    ledgers,
    host: config.xds.host,
    port: config.xds.port,
    tls: certificates.xds,
    traffic: store.traffic,
    replication: store.replication,
    fleets: config.fleets,
    clock,
    logger,
    limits: config.xds.limits,
    listens: has('xds'),
    overlay: (table) => emergencies.overlay(table),
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
    monotonicMs: () => clock.monotonicMs(),
    tables: () => (has('xds') ? tableStates(config, xds) : []),
    census: () => store.counts.census(),
    store: () => ({ downMs: watch.downMs(), frozen: watch.frozen() !== null }),
    tailBytes,
    notifiersOff: () => notifier.off().length,
    certificates: () => certificates.watches.map((one) => ({ refused: one.refused(), reports: one.reports() })),
    emergencies: () => {
      const open = emergencies.open();
      const held = open.filter((one) => one.held !== null).length;
      return { open: open.length, held, volatile: open.filter(({ journal }) => journal.kind === 'lost').length };
    },
  });
  witness?.onFailure(() => metrics.fileFailed('witness'));
  kept?.onFailure(() => metrics.fileFailed('tail'));
  const stopLoopWatch = watchLoopLag(clock, metrics.loopLag);
  const wakeUps = has('scheduler')
    ? createWakeUps({
        redis,
        due: store.due,
        suspects: store.suspects,
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
  const hooks = createHooks({ targets: config.hooks, clock, logger, userAgent: `serin/${packageVersion()}` });
  // Nobody serves load reports yet; the guard then never trips.
  const loadReports: LoadReports = { since: () => [], onReport: () => () => {} };
  const edges = {
    metrics: tracedMetrics(metricsSource(config, clock, logger, metrics), tracer),
    notifier: tracedNotifier(notifier, tracer),
    wakeUps,
  };
  const deps: Dependencies = {
    ...store,
    ...(crash === null ? edges : crashingEdges(edges, crash)),
    hooks: tracedHooks(hooks, tracer),
    fleets: xds.view,
    loadReports,
    history: xds.history,
    active: activeRollouts(),
    judge: judgeByPlan,
    tracer,
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
      ...(config.prometheus === null ? {} : { queryUrl: withoutSecrets(config.prometheus.url) }),
      clockTrusted: clock.driftMs() <= MAX_DRIFT_MS,
    }),
    fleetNames: config.fleets.map(({ name }) => name),
    fleetFilters: new Map(config.fleets.map(({ name, filters }) => [name, filters])),
    rawEnvoy: config.xds.allowRawEnvoy ? readRawEnvoy() : 'off',
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
    ...(await Promise.all([
      // Of a frozen store nothing is taken until a person decides.
      ...(watch.frozen() === null ? [dueCheck(store.due, clock)] : []),
      schemaCheck(store.archive, store.leftAlone()),
    ])),
    ...xdsChecks(config, xds),
  ];
  const engine = audited(createEngine(deps, shippedStrategies(), checks), {
    audit: store.audit,
    clock,
    newId: deps.newId,
    logger,
  });
  const emergencies = createEmergencies({
    deps,
    journal:
      config.dataFolder === null
        ? NO_JOURNAL
        : emergencyJournal(config.dataFolder, () => metrics.fileFailed('emergency')),
    audit: store.audit,
    storeAway: () => watch.downMs() > 0 || watch.frozen() !== null,
    republish: () => xds.republish(),
    // Not as `xds.view` has it: an ACK says what an Envoy has, whatever the store has become.
    view: {
      state: (fleet) => ledgers.state(fleet),
      onProgress: (listener) => ledgers.onProgress(listener),
    },
    self: () => ledgers.selfName,
    given: (fleet) => xds.given(fleet),
    clock,
  });
  const unsubscribe = kickOnProgress(xds.view, deps.active, wakeUps, clock);
  const unguard = kickOnCrash(loadReports, (fleet) => deps.active.exposed(fleet), wakeUps, clock);
  let tail: Awaited<ReturnType<typeof store.tail.follow>> | null = null;
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
        () => hooks.close(),
        () => unsubscribe(),
        () => unguard(),
        () => xds.drain(2_000),
        () => xds.stop(),
        () => ledger.stop(),
        () => emergencies.stop(),
        () => watch.stop(),
        () => stopSync(),
        () => tail?.stop(),
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
    tail = await store.tail.follow();
    await watch.start();
    const listeners = watch.frozen() === null ? await declared() : ok('same');
    if (listeners.kind === 'error') {
      await lifecycle.stop();
      return listeners;
    }
    if (has('xds')) await emergencies.start();
    await xds.start();
    http = await startHttpServer({
      host: config.http.host,
      port: config.http.port,
      roles: config.roles,
      loopback: isLoopback(config.http.host),
      tokens: config.tokens,
      engine,
      emergency: has('xds') ? emergencies : null,
      logger,
      version: packageVersion(),
      metrics,
      accepting: () => lifecycle.state() === 'READY',
      trace: createRequestTraces(packageVersion()),
      pause: (ms) => bell.wait(ms),
    });
    const sweeping = { ...store, clock, logger, settings: config.retention };
    await wakeUps.start(async (subject, crashes) => {
      // On a frozen store nothing is decided; the lease brings the subject back.
      if (watch.frozen() !== null) return;
      const work = () =>
        subject === RETENTION_SUBJECT ? sweepRetention(sweeping) : handleSubject(deps, subject, crashes);
      await tracedSubject(tracer, subject, work);
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
