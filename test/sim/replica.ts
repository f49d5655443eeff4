import type { CountersResult } from '../../src/core/analysis/judge.ts';
import { activeRollouts } from '../../src/engine/active-rollouts.ts';
import { handleSubject } from '../../src/engine/create-engine.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import type { RecordStore } from '../../src/engine/ports/store.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import type { FakeStore } from '../support/fake-store.ts';
import { fakeWakeUps } from '../support/fake-wake-ups.ts';
import { noHistory } from '../support/no-history.ts';
import { quiet } from '../support/quiet-logger.ts';
import { healthyHosts, scriptedJudge, settings } from '../support/rollouts.ts';
import type { FakeEnvoys } from './fake-envoys.ts';
import type { Random } from './random.ts';

export interface Surroundings {
  readonly clock: FakeClock;
  readonly store: FakeStore;
  /** The store's records behind the checker of invariants. */
  readonly records: RecordStore;
  readonly envoys: FakeEnvoys;
  readonly random: Random;
  readonly verdict: () => 'pass' | 'fail' | 'inconclusive';
  readonly metricsUp: () => boolean;
  readonly delivered: (noticeId: string) => void;
  readonly receiverUp: () => boolean;
  /** Chance that the process dies at one call of a port. */
  readonly crashChance: () => number;
}

export interface Replica {
  readonly deps: Dependencies;
  alive(): boolean;
  crash(): void;
}

/** One engine process. It may die at any call of a port, before or after the call took effect. */
export async function startReplica(w: Surroundings): Promise<Replica> {
  let alive = true;
  const never = new Promise<never>(() => {});
  /** Every call goes through here: a dead process neither acts nor hears an answer. */
  const mortal =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (alive && w.random.chance(w.crashChance())) crash();
      if (!alive) return never;
      const answer = await call(...args);
      if (alive && w.random.chance(w.crashChance())) crash();
      return alive ? answer : never;
    };
  const wakeUps = fakeWakeUps({
    due: w.store.due,
    clock: w.clock,
    runsPerKick: () => w.random.pick([0, 1, 1, 2]),
  });
  const crash = () => {
    alive = false;
    void wakeUps.stop();
  };
  const deps: Dependencies = {
    records: {
      read: mortal(w.records.read),
      list: mortal(w.records.list),
      commit: mortal(w.records.commit),
      events: mortal(w.records.events),
      time: mortal(w.records.time),
    },
    lineage: w.store.lineage,
    traffic: { table: mortal(w.store.traffic.table), standing: mortal(w.store.traffic.standing) },
    outbox: {
      head: mortal(w.store.outbox.head),
      waiting: mortal(w.store.outbox.waiting),
      fold: mortal(w.store.outbox.fold),
      delivered: mortal(w.store.outbox.delivered),
      retry: mortal(w.store.outbox.retry),
      bury: mortal(w.store.outbox.bury),
      deadLetters: mortal(w.store.outbox.deadLetters),
    },
    due: { schedule: mortal(w.store.due.schedule), forget: mortal(w.store.due.forget) },
    fleets: w.envoys,
    history: noHistory,
    metrics: {
      counters: mortal(async ({ clusters, toMs }): Promise<CountersResult> => {
        await new Promise<void>((resolve) => w.clock.setTimer(w.random.between(1, 400), resolve));
        if (!w.metricsUp()) return { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'refused' };
        return healthyHosts(['a', 'b', 'c', 'd'], clusters.at(-1) ?? '', toMs);
      }),
      scalar: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      proxies: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      scrapeMs: () => 1_000,
    },
    notifier: {
      targets: () => ['deploys'],
      deliver: mortal(async (_target, notice) => {
        if (!w.receiverUp()) return { kind: 'retry', afterMs: null, detail: 'HTTP 503' } as const;
        for (const { id } of [...(notice.earlier?.updates ?? []), notice]) w.delivered(id);
        return { kind: 'delivered' } as const;
      }),
    },
    wakeUps,
    active: activeRollouts(),
    judge: scriptedJudge(w.verdict),
    clock: w.clock,
    newId: () => 'unused',
    logger: quiet,
    meter: { event() {}, commitConflict() {}, delivery() {}, storeUp() {}, confirmedBack() {} },
    settings: () => settings,
    fleetNames: ['edge'],
  };
  const unsubscribe = w.envoys.onProgress(() => {
    if (!alive) return unsubscribe();
    for (const id of ['r1', 'r2']) wakeUps.kick(`rollout/${id}`);
  });
  await wakeUps.start((subject) => handleSubject(deps, subject));
  return { deps, alive: () => alive, crash };
}
