import type { CountersResult } from '../../src/core/analysis/judge.ts';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import type { FleetTable, Position } from '../../src/core/model/traffic.ts';
import type { Notice } from '../../src/core/rollout/event.ts';
import { activeRollouts } from '../../src/engine/active-rollouts.ts';
import { audited } from '../../src/engine/audited.ts';
import { createEngine, handleSubject } from '../../src/engine/create-engine.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Delivery } from '../../src/engine/ports/notifier.ts';
import type { Tracer } from '../../src/engine/ports/tracer.ts';
import { tracedMetrics, tracedNotifier, tracedRecords, tracedSubject } from '../../src/engine/traced.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import { type FakeClock, fakeClock } from './fake-clock.ts';
import { type FakeHooks, fakeHooks } from './fake-hooks.ts';
import { type FakeStore, fakeStore } from './fake-store.ts';
import { fakeWakeUps } from './fake-wake-ups.ts';
import { noHistory } from './no-history.ts';
import { noMeter } from './no-meter.ts';
import { quiet } from './quiet-logger.ts';
import { healthyHosts, node, scriptedJudge, settings } from './rollouts.ts';

/** The whole engine on fakes, with Envoys and a judge that do as the test says. */
export interface EngineRig {
  readonly engine: Engine;
  /** What the engine is made of. */
  readonly deps: Dependencies;
  readonly store: FakeStore;
  readonly clock: FakeClock;
  readonly delivered: Notice[];
  /**
   * What the Envoys of a fleet do with a push: credit it (default), refuse it with these words, or keep silent. `which`:
   * one of them alone; `a` is the one that tries changes of documents out.
   */
  envoys(fleet: string, behaviour: 'ack' | 'silent' | { readonly nack: string }, which?: 'a' | 'b'): void;
  verdict: 'pass' | 'fail' | 'inconclusive';
  /** Of single backends, whatever the others do. */
  readonly verdictOf: Map<string, 'pass' | 'fail' | 'inconclusive'>;
  delivery: Delivery;
  /** The hook that steps may ask. */
  readonly hooks: FakeHooks;
  metrics: boolean;
  /** Of every Envoy. */
  envoyVersion: string;
  /** Lets virtual time pass until the answer is there. */
  answer<T>(call: Promise<T>): Promise<T>;
  /** Runs until `done` holds; throws after an hour of virtual time. */
  until(done: () => Promise<boolean>): Promise<void>;
  /** Another engine has taken this one's place: what was given to Envoys is not remembered. */
  forget(): void;
  stop(): Promise<void>;
}

/**
 * @param tracer follows all of it, as in `main.ts`; `null`: nobody does
 * @param startMs when it begins
 */
export async function engineRig(
  fleetNames: readonly string[] = ['edge'],
  tracer: Tracer | null = null,
  startMs?: number,
): Promise<EngineRig> {
  const clock = fakeClock(startMs);
  const store = fakeStore(clock);
  const behaviours = new Map<string, 'ack' | 'silent' | { readonly nack: string }>();
  const pushed = new Map<string, Position>();
  const given = new Map<string, FleetTable>();
  const watched = await store.traffic.follow((fleets) => {
    for (const fleet of fleets) {
      void store.traffic.table(fleet).then((read) => {
        if (read.kind !== 'ok') return;
        pushed.set(fleet, read.value.position);
        given.set(fleet, read.value);
      });
    }
  });
  const tail = await store.tail.follow();
  const wakeUps = fakeWakeUps({ due: store.due, clock });
  const nodesOf = (fleet: string): readonly FleetNode[] => {
    const position = pushed.get(fleet) ?? null;
    return ['a', 'b'].map((id) => {
      const behaviour = behaviours.get(`${fleet}-${id}`) ?? behaviours.get(fleet) ?? 'ack';
      const fields: Partial<FleetNode> =
        behaviour === 'ack'
          ? { credited: position, creditedAtMs: clock.now() }
          : behaviour === 'silent' || position === null
            ? {}
            : { nack: { position, type: 'RDS', trial: null, message: behaviour.nack, atMs: clock.now() } };
      return node(`${fleet}-${id}`, { envoyVersion: rig.envoyVersion, ...fields });
    });
  };
  const rig: Pick<EngineRig, 'verdict' | 'verdictOf' | 'delivery' | 'metrics' | 'envoyVersion'> & {
    delivered: Notice[];
  } = {
    verdict: 'pass',
    verdictOf: new Map(),
    delivery: { kind: 'delivered' },
    metrics: true,
    envoyVersion: '1.40.0',
    delivered: [],
  };
  const hooks = fakeHooks(clock);
  const deps: Dependencies = {
    ...store,
    wakeUps,
    clock,
    fleetNames,
    fleetFilters: new Map(),
    rawEnvoy: 'off',
    active: activeRollouts(),
    fleets: { state: (fleet) => ({ fleet, observedSinceMs: 0, complete: true, nodes: nodesOf(fleet) }) },
    history: { ...noHistory, running: (fleet) => given.get(fleet) ?? null },
    loadReports: { since: () => [] },
    metrics: {
      counters: async ({ fleet, clusters, toMs }): Promise<CountersResult> => {
        if (!rig.metrics) return { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'connection refused' };
        const proxies = [`${fleet}-a`, `${fleet}-b`];
        const series = clusters.flatMap((cluster) => {
          const hosts = healthyHosts(proxies, cluster, toMs);
          return hosts.kind === 'ok' ? hosts.series : [];
        });
        return { kind: 'ok', series };
      },
      scalar: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      proxies: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      offsetMs: async () => 0,
      scrapeMs: () => 1_000,
    },
    notifier: {
      targets: () => ['deploys'],
      deliver: async (_target, notice) => {
        if (rig.delivery.kind === 'delivered') rig.delivered.push(notice);
        return rig.delivery;
      },
    },
    hooks,
    judge: scriptedJudge(({ canary }) => rig.verdictOf.get(canary.split('--')[0] ?? '') ?? rig.verdict),
    newId: sequence(),
    logger: quiet,
    meter: noMeter,
    settings: () => settings,
  };
  if (tracer !== null) {
    Object.assign(deps, {
      tracer,
      records: tracedRecords(deps.records, tracer),
      metrics: tracedMetrics(deps.metrics, tracer),
      notifier: tracedNotifier(deps.notifier, tracer),
    } satisfies Partial<Dependencies>);
  }
  await wakeUps.start((subject, crashes) => {
    const work = () => handleSubject(deps, subject, crashes);
    return tracer === null ? work() : tracedSubject(tracer, subject, work);
  });
  return Object.assign(rig, {
    deps,
    hooks,
    engine: audited(createEngine(deps, shippedStrategies()), { ...deps, audit: store.audit }),
    store,
    clock,
    envoys: (fleet: string, behaviour: 'ack' | 'silent' | { readonly nack: string }, which?: 'a' | 'b') =>
      void behaviours.set(which === undefined ? fleet : `${fleet}-${which}`, behaviour),
    until: (done: () => Promise<boolean>) => until(clock, done),
    answer: async <T>(call: Promise<T>): Promise<T> => {
      let settled = false;
      const answered = call.finally(() => {
        settled = true;
      });
      await Promise.all([answered, until(clock, async () => settled)]);
      return answered;
    },
    forget: () => given.clear(),
    stop: async () => {
      await wakeUps.stop();
      await watched.stop();
      await tail.stop();
    },
  });
}

async function until(clock: FakeClock, done: () => Promise<boolean>): Promise<void> {
  for (let passedMs = 0; passedMs < 3_600_000; passedMs += 250) {
    if (await done()) return;
    await clock.advance(250);
  }
  throw new Error('an hour of virtual time has passed in vain');
}

function sequence(): () => string {
  let made = 0;
  return () => {
    made += 1;
    return `rollout${String(made).padStart(12, '0')}`;
  };
}
