import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Undo } from '../../test/support/installation.ts';
import { startLoad } from '../../test/support/load.ts';
import { waitFor } from '../../test/support/processes.ts';
import { seeded } from '../../test/support/random.ts';
import { percentile } from '../bench/percentile.ts';
import { type ActWatch, actWatch } from './act-watch.ts';
import { checkHistory } from './check-history.ts';
import { checkWeights } from './check-weights.ts';
import { documents } from './documents.ts';
import { crashesOf, type Fault, PointHand } from './fault-deck.ts';
import type { Failure, History, Outage, RolloutHistory } from './history.ts';
import { inject, startAgain } from './inject.ts';
import { BACKENDS, hostOf, type Plant, startPlant } from './plant.ts';
import { anyClient, driveRollouts, type RolloutDriver } from './rollout-driver.ts';
import { stallWatch } from './stall-watch.ts';
import { weightWatch } from './weight-watch.ts';

export interface FaultReport {
  readonly crashes: number;
  readonly violations: number;
  readonly recoveryMsP50: number;
  readonly recoveryMsP99: number;
  readonly duplicatedNotifications: number;
  readonly lostNotifications: number;
  readonly rollouts: number;
  readonly requests: number;
  /** How often, and for how long in all, the harness itself did not get to run: figures of a busy machine are high. */
  readonly stalls: number;
  readonly stalledMs: number;
  readonly points: Readonly<Record<string, number>>;
  readonly seed: number;
}

/** Per Envoy and backend and second. */
const RATE = 8;
const LAST_MESSAGES_MS = 45_000;
/** The goal for the time until somebody acts again. */
const SLOW_MS = 5_000;

/** Rollouts go on without a pause while everything under them is killed; what was seen is checked at the end. */
export async function runFaults(options: {
  readonly deck: readonly Fault[];
  readonly seed: number;
  readonly program: readonly string[];
  readonly undo: Undo[];
  readonly say: (line: string) => void;
}): Promise<{ readonly report: FaultReport; readonly violations: readonly string[] }> {
  const { deck, seed, program, undo, say } = options;
  const random = seeded(seed);
  const violations: string[] = [];
  const violation = (words: string) => {
    say(`VIOLATION ${words}`);
    violations.push(words);
  };
  const plant = await startPlant({ program, undo, onOwnEnd: violation });
  const points = new PointHand(random);
  await Promise.all(plant.engines.map((seat) => startAgain({ plant, points }, seat)));
  const applied = await anyClient(plant, random).apply(
    [{ file: 'fault.yaml', text: documents(plant.addresses.good[0] ?? '') }],
    false,
  );
  if (applied.kind === 'error') throw new Error(applied.errors[0]?.message);
  await Promise.all(plant.envoys.map((envoy) => envoy.start()));
  const load = startLoads(plant, undo);
  await waitFor(() => load.served() > 100, { what: 'traffic' });
  load.begin();

  const watch = actWatch(plant.redisPort);
  undo.push(async () => watch.close());
  const own = stallWatch();
  undo.push(async () => own.stop());
  const weights = weightWatch(plant.envoys);
  undo.push(async () => weights.stop());
  const driver = driveRollouts({ plant, watch, random, violation });
  const outages: Outage[] = [];
  const recoveries: number[] = [];
  const hits: Record<string, number> = {};
  const crashes = deck.reduce((sum, fault) => sum + crashesOf(fault), 0);
  let done = 0;
  for (const fault of deck) {
    const startedMs = performance.now();
    const { recoveries: times, at } = await inject({ plant, watch, random, outages, points }, fault);
    done += crashesOf(fault);
    const name = at === null ? fault.kind : `${fault.kind} ${at}`;
    hits[name] = (hits[name] ?? 0) + 1;
    for (const ms of times) {
      if (ms === null) violation(`after ${name} nobody acted within 30 s`);
      else recoveries.push(ms);
    }
    if (times.some((ms) => ms !== null && ms > SLOW_MS))
      say(`slow: what the replicas said is in ${keepLogs(plant, done)}`);
    const tookMs = Math.round(performance.now() - startedMs);
    say(`${done}/${crashes} ${name}: acts again after ${times.join(', ') || '–'} ms (${tookMs} ms in all)`);
  }
  await driver.finish();
  const history: History = {
    rollouts: await histories(driver, plant, watch),
    weights: weights.sights,
    messages: plant.messages,
    failures: await load.stop(),
    outages,
    stalls: own.stalls,
  };
  const checked = await lastCheck(history);
  for (const words of [...checked.violations, ...checkWeights(history)]) violation(words);
  if (violations.length > 0) say(`what was seen: ${keep(seed, history)}`);
  const report: FaultReport = {
    crashes: done,
    violations: violations.length,
    recoveryMsP50: Math.round(percentile(recoveries, 0.5)),
    recoveryMsP99: Math.round(percentile(recoveries, 0.99)),
    duplicatedNotifications: checked.duplicated,
    lostNotifications: checked.lost,
    rollouts: history.rollouts.length,
    requests: load.served(),
    stalls: own.stalls.length,
    stalledMs: own.stalls.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
    points: Object.fromEntries(Object.entries(hits).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    seed,
  };
  return { report, violations };
}

/** Requests for every backend through every Envoy. */
function startLoads({ envoys }: Plant, undo: Undo[]) {
  let beginMs = 0;
  const loads = envoys.flatMap(({ nodeId, listenPort }) =>
    BACKENDS.map((backend) => ({
      envoy: nodeId,
      load: startLoad({
        ports: [listenPort],
        host: hostOf(backend),
        path: '/',
        rate: RATE,
        pinned: { every: 10, name: 'x-tester', value: 'yes' },
      }),
    })),
  );
  for (const { load } of loads) undo.push(() => load.stop());
  const good = () => loads.map(({ load }) => load.samples.filter(({ status }) => status === 200).length);
  return {
    /** Of every load at least a part has been served. */
    served: () => (Math.min(...good()) === 0 ? 0 : good().reduce((sum, count) => sum + count, 0)),
    /** What failed before, failed before there was anything to serve. */
    begin: () => {
      beginMs = Date.now();
    },
    stop: async (): Promise<readonly Failure[]> => {
      await Promise.all(loads.map(({ load }) => load.stop()));
      return loads.flatMap(({ envoy, load }) =>
        load.samples
          .filter(({ status, sentAtMs }) => status !== 200 && sentAtMs >= beginMs)
          .map(({ sentAtMs, status, servedBy }) => ({ envoy, sentAtMs, status, servedBy })),
      );
    },
  };
}

async function histories({ begun }: RolloutDriver, plant: Plant, watch: ActWatch): Promise<RolloutHistory[]> {
  const client = anyClient(plant, seeded(1));
  const all: RolloutHistory[] = [];
  for (const rollout of begun) {
    const [final, events] = [await client.rollout(rollout.id), await client.events(rollout.id, null)];
    if (final.kind === 'error' || events.kind === 'error') throw new Error(`rollout ${rollout.id} cannot be read`);
    all.push({ ...rollout, ...watch.clusters(rollout.id), final: final.value, events: events.value.events });
  }
  return all;
}

/** The last messages may wait for a claim to end. */
async function lastCheck(history: History): Promise<ReturnType<typeof checkHistory>> {
  await waitFor(() => checkHistory(history).lost === 0, { timeoutMs: LAST_MESSAGES_MS, everyMs: 500 }).catch(
    () => undefined,
  );
  return checkHistory(history);
}

function keepLogs({ engines }: Plant, crash: number): string {
  const file = join(tmpdir(), `serin-fault-slow-${crash}.log`);
  writeFileSync(file, engines.map((seat) => `${seat.name}\n${seat.process()?.output()}`).join('\n'));
  return file;
}

function keep(seed: number, history: History): string {
  const file = join(tmpdir(), `serin-fault-${seed}.json`);
  writeFileSync(file, JSON.stringify(history));
  return file;
}
