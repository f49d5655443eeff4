import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Undo } from '../../test/support/installation.ts';
import { waitFor } from '../../test/support/processes.ts';
import { type Random, seeded } from '../../test/support/random.ts';
import { actWatch } from './act-watch.ts';
import { checkHistory } from './check-history.ts';
import { checkWeights } from './check-weights.ts';
import { documents } from './documents.ts';
import type { EngineSeat } from './engine-seat.ts';
import { type Fault, PointHand } from './fault-deck.ts';
import type { Absence, History, Outage, RolloutHistory } from './history.ts';
import { type Injected, inject, type Scene, startAgain } from './inject.ts';
import { startLoads } from './loads.ts';
import { type Plant, startPlant } from './plant.ts';
import { anyClient, driveRollouts } from './rollout-driver.ts';
import { stallWatch } from './stall-watch.ts';
import { weightWatch } from './weight-watch.ts';

const LAST_MESSAGES_MS = 45_000;
const READ_MS = 60_000;

/** A plant with load and rollouts without a pause, into which faults are thrown. */
export interface Run {
  readonly plant: Plant;
  violation(words: string): void;
  readonly violations: readonly string[];
  inject(fault: Fault): Promise<Injected>;
  /** Lets the last rollouts end, and checks what was seen. */
  conclude(): Promise<Concluded>;
}

export interface Concluded {
  readonly history: History;
  readonly messages: { readonly duplicated: number; readonly lost: number };
  readonly served: number;
}

export async function startRun(options: {
  readonly seed: number;
  readonly random: Random;
  readonly program: readonly string[];
  readonly undo: Undo[];
  readonly say: (line: string) => void;
  /** More lines for `serin.yaml`. */
  readonly settings?: string;
  /** Replicas that are never killed, by name. */
  readonly spared?: readonly string[];
}): Promise<Run> {
  const { seed, random, program, undo, say, settings = '', spared = [] } = options;
  const violations: string[] = [];
  const violation = (words: string) => {
    say(`VIOLATION ${words}`);
    violations.push(words);
  };
  const plant = await startPlant({ program, undo, settings, onOwnEnd: violation });
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
  // As it ended: with a short retention it is gone before the run is over.
  const read = new Map<string, Pick<RolloutHistory, 'final' | 'events'>>();
  const onEnd = async ({ id }: { readonly id: string }) => {
    const isRead = async () => (await readRollout(plant, id, read)) !== null;
    // Said at the end, of one that cannot be read then either.
    await waitFor(isRead, { timeoutMs: READ_MS, everyMs: 200 }).catch(() => undefined);
  };
  const driver = driveRollouts({ plant, watch, random, violation, onEnd });
  const outages: Outage[] = [];
  const absences: Absence[] = [];
  const scene: Scene = { plant, watch, random, outages, absences, points, spared };

  const histories = async (): Promise<RolloutHistory[]> => {
    const all: RolloutHistory[] = [];
    for (const rollout of driver.begun) {
      const last = (await readRollout(plant, rollout.id, read)) ?? read.get(rollout.id);
      if (last === undefined) throw new Error(`rollout ${rollout.id} cannot be read`);
      all.push({ ...rollout, ...watch.clusters(rollout.id), ...last });
    }
    return all;
  };
  return {
    plant,
    violation,
    violations,
    inject: (fault) => inject(scene, fault),
    async conclude() {
      await driver.finish();
      const history: History = {
        rollouts: await histories(),
        weights: weights.sights,
        messages: plant.messages,
        failures: await load.stop(),
        outages,
        absences: [...absences, ...plant.engines.flatMap(endsOf)],
        stalls: own.stalls,
      };
      const checked = await lastCheck(history);
      for (const words of [...checked.violations, ...checkWeights(history)]) violation(words);
      if (violations.length > 0) say(`what was seen: ${keep(seed, history)}`);
      return { history, messages: checked, served: load.served() };
    },
  };
}

function endsOf({ name, ends }: EngineSeat): Absence[] {
  return ends.map((atMs) => ({ who: name, fromMs: atMs, toMs: atMs }));
}

/** `null`: it cannot be read now, or is gone by retention. */
async function readRollout(
  plant: Plant,
  id: string,
  read: Map<string, Pick<RolloutHistory, 'final' | 'events'>>,
): Promise<Pick<RolloutHistory, 'final' | 'events'> | null> {
  const client = anyClient(plant, seeded(1));
  const [final, events] = [await client.rollout(id), await client.events(id, null)];
  if (final.kind === 'error' || events.kind === 'error') return null;
  const seen = { final: final.value, events: events.value.events };
  read.set(id, seen);
  return seen;
}

/** The last messages may wait for a claim to end. */
async function lastCheck(history: History): Promise<ReturnType<typeof checkHistory>> {
  await waitFor(() => checkHistory(history).lost === 0, { timeoutMs: LAST_MESSAGES_MS, everyMs: 500 }).catch(
    () => undefined,
  );
  return checkHistory(history);
}

function keep(seed: number, history: History): string {
  const file = join(tmpdir(), `serin-fault-${seed}.json`);
  writeFileSync(file, JSON.stringify(history));
  return file;
}
