import type { CutProxy } from '../../test/support/cut-proxy.ts';
import { waitFor } from '../../test/support/processes.ts';
import type { Random } from '../../test/support/random.ts';
import type { ActWatch } from './act-watch.ts';
import type { EngineSeat } from './engine-seat.ts';
import type { Fault, PointHand } from './fault-deck.ts';
import type { Absence, Outage } from './history.ts';
import type { Plant } from './plant.ts';

/** A replica that does not come by its point is killed where it is. */
const POINT_MS = 8_000;
const START_MS = 90_000;

export interface Injected {
  /** For each process that was ended: what, and how long until someone acted again, ms; `null`: nobody. */
  readonly recoveries: readonly (number | null)[];
  /** The point at which a replica died; of one that did not come by, with a note, and it was killed all the same. */
  readonly at: string | null;
}

export interface Scene {
  readonly plant: Plant;
  readonly watch: ActWatch;
  readonly random: Random;
  readonly outages: Outage[];
  /** But for the ends of processes: each seat keeps its own. */
  readonly absences: Absence[];
  readonly points: PointHand;
  /** Replicas that are never killed, by name: they stand still at most. */
  readonly spared: readonly string[];
}

/** Does it, waits until somebody acts again, and mends what it broke. */
export async function inject(scene: Scene, fault: Fault): Promise<Injected> {
  const { plant, watch, random, outages, absences, spared } = scene;
  const mortal = plant.engines.filter(({ name }) => !spared.includes(name));
  await waitFor(() => watch.dueSoon(Date.now()).length > 0, { timeoutMs: 30_000 }).catch(() => undefined);
  const acts = async (sinceMs: number, times = 1) => {
    const ms = await watch.actsAgain(sinceMs);
    return Array.from({ length: times }, () => ms);
  };
  const seat = pick(
    mortal.filter((one) => one.isUp()),
    random,
  );
  switch (fault.kind) {
    case 'point': {
      const at = await dieAtPoint(scene, seat);
      const [recoveries] = await Promise.all([acts(Date.now()), startAgain(scene, seat)]);
      return { recoveries, at };
    }
    case 'recovery': {
      await seat.process()?.kill();
      const firstMs = Date.now();
      const first = acts(firstMs);
      const at = await dieAtStart(seat, fault.point);
      const secondMs = Date.now();
      const [one, two] = await Promise.all([first, acts(secondMs), startAgain(scene, seat)]);
      return { recoveries: [...one, ...two], at };
    }
    case 'kill engine': {
      await seat.process()?.kill();
      const [recoveries] = await Promise.all([acts(Date.now()), startAgain(scene, seat)]);
      return { recoveries, at: null };
    }
    case 'kill all engines': {
      await Promise.all(mortal.map(async (one) => one.process()?.kill()));
      const sinceMs = Date.now();
      const starts = mortal.map((one) => startAgain(scene, one));
      const [recoveries] = await Promise.all([acts(sinceMs, mortal.length), ...starts]);
      return { recoveries, at: null };
    }
    case 'kill store':
    case 'kill store and engine': {
      const both = fault.kind === 'kill store and engine';
      await Promise.all([plant.redis().kill(), both ? seat.process()?.kill() : undefined]);
      const sinceMs = Date.now();
      await plant.startRedis();
      absences.push({ who: 'store', fromMs: sinceMs, toMs: Date.now() });
      const [recoveries] = await Promise.all([acts(sinceMs, both ? 2 : 1), both ? startAgain(scene, seat) : undefined]);
      return { recoveries, at: null };
    }
    case 'kill Envoy': {
      const envoy = pick(plant.envoys, random);
      const fromMs = Date.now();
      await envoy.kill();
      const recovering = acts(Date.now());
      await envoy.start();
      outages.push({ envoy: envoy.nodeId, kind: 'killed', fromMs, toMs: Date.now() });
      return { recoveries: await recovering, at: null };
    }
    case 'end engine':
      await seat.end();
      await startAgain(scene, seat);
      break;
    case 'stop engine': {
      const one = pick(plant.engines, random);
      absences.push({ who: one.name, ...(await stopped(one.process(), random.between(500, 4_000))) });
      break;
    }
    case 'stop store':
      absences.push({ who: 'store', ...(await stopped(plant.redis(), random.between(300, 3_000))) });
      break;
    case 'stop Envoy': {
      const envoy = pick(plant.envoys, random);
      const stop = await stopped(envoy, random.between(300, 3_000));
      outages.push({ envoy: envoy.nodeId, kind: 'stopped', ...stop });
      break;
    }
    case 'cut line':
      await severed(pick(plant.lines, random), random);
      break;
    case 'cut store line': {
      const one = pick(plant.engines, random);
      const line = plant.storeLines[plant.engines.indexOf(one)];
      if (line !== undefined) absences.push({ who: one.name, ...(await severed(line, random)) });
      break;
    }
    case 'cut metrics line':
      await severed(plant.metricsLine, random);
      break;
    case 'cut receiver line':
      await severed(plant.receiverLine, random);
      break;
  }
  return { recoveries: [], at: null };
}

async function dieAtPoint({ points }: Scene, seat: EngineSeat): Promise<string> {
  const point = points.of(seat.name);
  points.used(seat.name);
  seat.process()?.signal('SIGUSR2');
  return await dies(seat, point);
}

async function dieAtStart(seat: EngineSeat, point: string): Promise<string> {
  await seat.start(`${point}:1`);
  return await dies(seat, `${point}, at its start`);
}

async function dies(seat: EngineSeat, point: string): Promise<string> {
  const process = seat.process();
  const isGone = () => process?.exited() !== false;
  const at = await waitFor(isGone, { timeoutMs: POINT_MS, everyMs: 2 }).then(
    () => point,
    () => `${point} (not passed)`,
  );
  await process?.kill();
  return at;
}

/** With the point it is to die of when it is told to. Its Envoy comes home, so that every replica has one. */
export async function startAgain({ plant, points }: Pick<Scene, 'plant' | 'points'>, seat: EngineSeat): Promise<void> {
  const isReady = async () => (await seat.start(`${points.of(seat.name)}:1@SIGUSR2`)) === 'ready';
  const what = () => `${seat.name} to start: ${seat.process()?.output().slice(-2_000)}`;
  await waitFor(isReady, { timeoutMs: START_MS, what });
  const line = plant.lines[plant.engines.indexOf(seat)];
  line?.cut();
  line?.mend();
}

async function stopped(
  target: { signal(signal: NodeJS.Signals): void } | null,
  forMs: number,
): Promise<Pick<Absence, 'fromMs' | 'toMs'>> {
  const fromMs = Date.now();
  target?.signal('SIGSTOP');
  await pause(forMs);
  target?.signal('SIGCONT');
  return { fromMs, toMs: Date.now() };
}

/** Closed at once, or silent until it breaks: whoever is behind it has to notice by itself. */
async function severed(line: CutProxy, random: Random): Promise<Pick<Absence, 'fromMs' | 'toMs'>> {
  const fromMs = Date.now();
  if (random.chance(0.5)) line.hang();
  else line.cut();
  await pause(random.between(300, 4_000));
  line.cut();
  line.mend();
  return { fromMs, toMs: Date.now() };
}

/** How long a fault lasts is part of the fault, not a wait for something. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function pick<T>(from: readonly T[], random: Random): T {
  const one = from[random.between(0, from.length - 1)];
  if (one === undefined) throw new Error('nothing left to hurt');
  return one;
}
