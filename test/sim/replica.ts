import { clockOffset } from '../../src/adapters/prometheus/clock-offset.ts';
import { judgeByPlan } from '../../src/core/analysis/judge-by-plan.ts';
import { FleetLedgers } from '../../src/core/fleet/fleet-ledgers.ts';
import type { Notice } from '../../src/core/rollout/event.ts';
import type { HookAnswer } from '../../src/core/rollout/hook-answer.ts';
import type { HookQuestion } from '../../src/core/rollout/hook-question.ts';
import { activeRollouts, kickOnProgress } from '../../src/engine/active-rollouts.ts';
import { handleSubject } from '../../src/engine/create-engine.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import type { Clock } from '../../src/engine/ports/clock.ts';
import type { MetricsSource } from '../../src/engine/ports/metrics-source.ts';
import type { Delivery } from '../../src/engine/ports/notifier.ts';
import type { Commit, Unavailable } from '../../src/engine/ports/store.ts';
import { shareLedger } from '../../src/engine/share-ledger.ts';
import { createSystemClock } from '../../src/platform/system-clock.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import type { FakeLedger } from '../support/fake-ledger.ts';
import type { FakeStore } from '../support/fake-store.ts';
import { fakeWakeUps } from '../support/fake-wake-ups.ts';
import type { Change } from '../support/invariants.ts';
import { noHistory } from '../support/no-history.ts';
import { noMeter } from '../support/no-meter.ts';
import type { Dice } from './dice.ts';
import { SCRAPE_MS } from './prometheus.ts';
import { readingLogger } from './secret.ts';
import { type XdsSide, type XdsSideOptions, xdsSide } from './xds-side.ts';

/** All that a replica finds outside its own process. */
export interface Surroundings {
  /** True time. */
  readonly clock: FakeClock;
  readonly store: FakeStore;
  readonly ledger: FakeLedger;
  readonly dice: Dice;
  /** Do faults strike at present? */
  readonly storm: () => boolean;
  readonly counters: (
    replica: string,
    request: Parameters<MetricsSource['counters']>[0],
  ) => ReturnType<MetricsSource['counters']>;
  readonly receive: (target: string, notice: Notice) => Delivery;
  readonly hook: (question: HookQuestion) => Promise<HookAnswer>;
  /** Who decided this commit, for the checkers. */
  readonly decided: (commit: Commit, by: Change['by'], replica: string) => void;
  readonly onSent: (replica: string, ...sent: Parameters<XdsSideOptions['onSent']>) => void;
  readonly died: (replica: string, where: string) => void;
  readonly logged: (replica: string, line: string) => void;
  readonly bug: (what: string) => void;
}

export interface Replica {
  readonly name: string;
  readonly xds: XdsSide;
  alive(): boolean;
  /** Does it take streams and calls? */
  ready(): boolean;
  crash(where: string): void;
  /** A planned end: it says the last to the ledger first. */
  leave(): void;
  /** The process stands still, and goes on as if nothing had happened. */
  stall(forMs: number): void;
  /** It cannot reach the store. */
  cut(forMs: number): void;
  /** Its wall clock is set. */
  setWall(byMs: number): void;
  heal(): void;
  /** When it was last stalled, cut off or started: until shortly after that others may not know what it knows. */
  oddUntilMs(): number;
  /** The use cases' view of this replica, for one who asks it for something. */
  as(by: Change['by']): Dependencies;
}

const DEADLINE_MS = 2_000;
const CLOCK_SYNC_MS = 2_000;
const UNAVAILABLE: Unavailable = { kind: 'unavailable', detail: 'no answer' };

/**
 * One engine process: everything of `run-engine.ts` but sockets, Redis and BullMQ. It may die at any call of a port, before
 * or after the call took effect, and any call or answer may be lost or late.
 */
export function startReplica(name: string, w: Surroundings): Replica {
  let alive = true;
  let ready = false;
  let tailing: { stop(): Promise<void> } | null = null;
  let wallMs = 0;
  let [stalledUntilMs, cutUntilMs, oddUntilMs] = [0, 0, w.clock.now()];
  const never = new Promise<never>(() => {});
  const pause = (ms: number): Promise<void> => new Promise((resolve) => void w.clock.setTimer(ms, resolve));
  /** A process that stands still does nothing until it goes on; a dead one nothing any more. */
  const whenRunning = (act: () => void): void => {
    if (!alive) return;
    const stalledMs = stalledUntilMs - w.clock.now();
    if (stalledMs > 0) w.clock.setTimer(stalledMs, () => whenRunning(act));
    else act();
  };
  const crash = (where: string) => {
    if (!alive) return;
    alive = false;
    ready = false;
    void wakeUps.stop();
    void tailing?.stop();
    w.died(name, where);
  };
  const mayDie = (where: string, chance: number): void => {
    if (alive && w.storm() && w.dice.strikes(`${name} dies ${where}`, chance)) crash(where);
  };
  const sometimesLate = async (point: string): Promise<void> => {
    if (w.storm() && w.dice.chance(`late ${point}`, 0.12)) await pause(w.dice.between(`late ${point}`, 1, 60));
  };
  /** Every call of a port goes through here. */
  const port =
    <A extends unknown[], R>(point: string, call: (...args: A) => Promise<R>, lost: R, deadlineMs = DEADLINE_MS) =>
    async (...args: A): Promise<R> => {
      const chance = point.startsWith('commit') ? 0.008 : 0.0006;
      mayDie(`before ${point}`, chance);
      if (!alive) return never;
      await sometimesLate(point);
      const isStore = point !== 'measure' && point !== 'notify' && point !== 'ask';
      if ((isStore && cutUntilMs > w.clock.now()) || (w.storm() && w.dice.strikes(`${name} ${point} lost`, chance))) {
        await pause(deadlineMs);
        return alive ? lost : never;
      }
      if (!alive) return never;
      const answer = await call(...args);
      mayDie(`after ${point}`, chance);
      if (!alive) return never;
      if (w.storm() && w.dice.strikes(`${name} answer to ${point} lost`, chance)) {
        await pause(deadlineMs);
        return alive ? lost : never;
      }
      await sometimesLate(point);
      if (stalledUntilMs > w.clock.now()) await new Promise<void>((resolve) => whenRunning(resolve));
      return alive ? answer : never;
    };

  const logger = readingLogger((line) => w.logged(name, line));
  const system = createSystemClock({
    wallMs: () => w.clock.now() + wallMs,
    monotonicMs: () => w.clock.monotonicMs(),
  });
  const clock: Clock = {
    now: () => system.now(),
    monotonicMs: () => system.monotonicMs(),
    setTimer: (afterMs, fire) => w.clock.setTimer(afterMs, () => whenRunning(fire)),
  };
  const { store } = w;
  const time = port('time', store.records.time, UNAVAILABLE);
  const follow = async (): Promise<void> => {
    const read = await time();
    if (read.kind === 'ok') system.follow(read.value);
    clock.setTimer(CLOCK_SYNC_MS, () => void follow());
  };
  const due = {
    next: port('due next', store.due.next, UNAVAILABLE),
    lease: port('lease', store.due.lease, UNAVAILABLE),
    schedule: port('schedule', store.due.schedule, UNAVAILABLE),
    forget: port('forget', store.due.forget, UNAVAILABLE),
  };
  const wakeUps = fakeWakeUps({
    due,
    clock,
    runsPerKick: () => (w.storm() ? w.dice.pick('runs per kick', [0, 1, 1, 1, 2]) : 1),
    onError: (subject, error) => w.bug(`${name} ${subject}: ${error instanceof Error ? error.stack : String(error)}`),
  });
  const ledgers = new FleetLedgers(() => clock.now());
  const hinted =
    <T>(listener: (hint: T) => void) =>
    (hint: T): void => {
      if (!alive || cutUntilMs > w.clock.now()) return;
      if (w.storm() && w.dice.chance('hint lost', 0.1)) return;
      const copies = w.storm() && w.dice.chance('hint twice', 0.05) ? 2 : 1;
      for (let i = 0; i < copies; i += 1) {
        const delayMs = w.storm() && w.dice.chance('hint late', 0.1) ? w.dice.between('hint late', 1, 3_000) : 1;
        w.clock.setTimer(delayMs, () => whenRunning(() => listener(hint)));
      }
    };
  const table = port('table', store.traffic.table, UNAVAILABLE);
  const xds = xdsSide({
    fleet: 'edge',
    traffic: {
      fleets: store.traffic.fleets,
      table,
      follow: (onChange) => store.traffic.follow(hinted(onChange)),
    },
    ledgers,
    clock,
    onSent: (...sent) => w.onSent(name, ...sent),
    logger,
  });
  let names = 0;
  const shared = shareLedger({
    ledgers,
    store: {
      leaseMs: w.ledger.leaseMs,
      join: port('ledger join', w.ledger.join, UNAVAILABLE),
      write: port('ledger write', w.ledger.write, UNAVAILABLE),
      read: port('ledger read', w.ledger.read, UNAVAILABLE),
      follow: (onHint) => w.ledger.follow(hinted(onHint)),
    },
    newName: () => {
      names += 1;
      return `${name}-${names}`;
    },
    regressed: () => xds.regressed(),
    clock,
    logger,
  });
  const commit = port('commit', store.records.commit, UNAVAILABLE);
  const reconcileStore = port('commit of a reconciled store', store.lineage.reconcile, UNAVAILABLE);
  const records = (by: Change['by']): Dependencies['records'] => ({
    read: port('read', store.records.read, UNAVAILABLE),
    list: port('list', store.records.list, UNAVAILABLE),
    commit: (change) => {
      w.decided(change, by, name);
      return commit(change);
    },
    events: port('events', store.records.events, UNAVAILABLE),
    time,
  });
  const deps: Dependencies = {
    records: records('tick'),
    counts: store.counts,
    lineage: {
      look: port('look', store.lineage.look, UNAVAILABLE),
      reconcile: (change, ...rest) => {
        w.decided(change, 'reconcile', name);
        return reconcileStore(change, ...rest);
      },
    },
    tail: store.tail,
    traffic: { table, standing: port('standing', store.traffic.standing, UNAVAILABLE) },
    outbox: {
      head: port('head', store.outbox.head, UNAVAILABLE),
      waiting: port('waiting', store.outbox.waiting, UNAVAILABLE),
      fold: port('fold', store.outbox.fold, UNAVAILABLE),
      delivered: port('delivered', store.outbox.delivered, UNAVAILABLE),
      retry: port('retry', store.outbox.retry, UNAVAILABLE),
      bury: port('bury', store.outbox.bury, UNAVAILABLE),
      deadLetters: port('dead letters', store.outbox.deadLetters, UNAVAILABLE),
    },
    decisions: { read: port('decisions', store.decisions.read, UNAVAILABLE) },
    due,
    suspects: { forgive: async () => ({ kind: 'ok', value: 'done' }) },
    fleets: xds.view,
    history: { ...noHistory, running: xds.running },
    loadReports: { since: () => [] },
    metrics: {
      counters: port(
        'measure',
        (request) => w.counters(name, request),
        { kind: 'gap', gap: 'SOURCE_TIMEOUT', detail: 'no answer within 5 s' },
        5_000,
      ),
      scalar: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      proxies: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      offsetMs: clockOffset(clock, async () => {
        const seconds = w.clock.now() / 1_000;
        return { kind: 'ok', resultType: 'scalar', result: [seconds, String(seconds)] };
      }),
      scrapeMs: () => SCRAPE_MS,
    },
    notifier: {
      targets: () => ['deploys'],
      deliver: port(
        'notify',
        async (target: string, notice: Notice) => w.receive(target, notice),
        { kind: 'retry', afterMs: null, detail: 'timeout' },
        10_000,
      ),
    },
    hooks: {
      targets: () => ['checks'],
      ask: port<[HookQuestion], HookAnswer | null>('ask', w.hook, { kind: 'failed', detail: 'no answer' }, 5_000),
    },
    wakeUps,
    active: activeRollouts(),
    judge: judgeByPlan,
    clock,
    newId: () => 'unused',
    logger,
    meter: noMeter,
    settings: () => ({
      disconnectGraceMs: 10_000,
      retireAfterMs: 300_000,
      clockTrusted: system.driftMs() <= 5_000,
    }),
    fleetNames: ['edge'],
    fleetFilters: new Map(),
    rawEnvoy: 'off',
  };
  kickOnProgress(xds.view, deps.active, wakeUps, clock);
  const start = async (): Promise<void> => {
    await follow();
    tailing = await store.tail.follow();
    if (!alive) await tailing.stop();
    await shared.start();
    await xds.start();
    ready = alive;
    await wakeUps.start((subject) => handleSubject(deps, subject));
  };
  start().catch((error: unknown) => w.bug(`${name} did not start: ${String(error)}`));
  const odd = (untilMs: number) => {
    oddUntilMs = Math.max(oddUntilMs, untilMs);
  };
  return {
    name,
    xds: {
      ...xds,
      open: (nodeId, variant, toEnvoy) => {
        const stream = xds.open(nodeId, variant, (response) => whenRunning(() => toEnvoy(response)));
        return {
          receive: (type, request) => whenRunning(() => stream.receive(type, request)),
          end: () => whenRunning(() => stream.end()),
        };
      },
    },
    alive: () => alive,
    ready: () => ready,
    crash,
    leave: () => {
      ready = false;
      void wakeUps.stop();
      void shared.stop().then(() => crash('it left'));
    },
    stall: (forMs) => {
      stalledUntilMs = Math.max(stalledUntilMs, w.clock.now() + forMs);
      odd(stalledUntilMs);
    },
    cut: (forMs) => {
      cutUntilMs = Math.max(cutUntilMs, w.clock.now() + forMs);
      odd(cutUntilMs);
    },
    setWall: (byMs) => {
      wallMs += byMs;
    },
    heal: () => {
      cutUntilMs = 0;
      stalledUntilMs = 0;
    },
    oddUntilMs: () => oddUntilMs,
    as: (by) => ({ ...deps, records: records(by) }),
  };
}
