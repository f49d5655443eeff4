import { parseArgs } from 'node:util';
import type { Result } from '../../src/core/model/errors.ts';
import { formatError } from '../../src/core/model/format-error.ts';
import { isTerminal } from '../../src/core/model/phase.ts';
import { type Client, createClient } from '../../src/surfaces/api/client.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { startInstallation, type Undo, undoAll } from '../../test/support/installation.ts';
import { type Load, startLoad } from '../../test/support/load.ts';
import { waitFor } from '../../test/support/processes.ts';
import { PROGRAM } from '../../test/support/program.ts';
import { type Random, seeded } from '../../test/support/random.ts';
import { aaDocuments, hostOf } from './aa/documents.ts';
import { type Service, startService } from './aa/service.ts';
import { percentile } from './percentile.ts';

/**
 * `npm run soak:aa -- --rollouts 30`: rollouts of a revision that is as good as the one before, on two real Envoys,
 * judged by a real Prometheus, while services restart in both arms. Every rollback is a false one.
 */
const { values } = parseArgs({
  options: {
    rollouts: { type: 'string', default: '30' },
    backends: { type: 'string', default: '5' },
    rate: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
  },
});
const [ROLLOUTS, BACKENDS, RATE] = [Number(values.rollouts), Number(values.backends), Number(values.rate)];
const HABITS = { errorShare: 0.01, meanMs: 8 };
const PER_ARM = 2;
const RESTART_EVERY_MS = 5_000;
const AWAY_MS = { min: 50, max: 300 };
const END_MS = 10 * 60_000;

interface Ended {
  readonly backend: string;
  readonly phase: string;
  readonly cause: string;
  readonly seconds: number;
}

interface Arms {
  readonly even: readonly Service[];
  readonly odd: readonly Service[];
}

const undo: Undo[] = [];
try {
  const random = seeded(Number(values.seed));
  const services = new Map<string, Arms>();
  for (let i = 1; i <= BACKENDS; i += 1) services.set(`shop-${i}`, { even: await arm(random), odd: await arm(random) });
  const world = await startInstallation({
    program: PROGRAM,
    mode: 'dev',
    envoys: 2,
    revisions: [],
    undo,
  });
  const client = createClient({ server: world.server, token: null });
  const text = aaDocuments(new Map([...services].map(([name, { even }]) => [name, addresses(even)])));
  given(await client.apply([{ file: 'aa.yaml', text }], false));
  const ports = world.envoys.map(({ listenPort }) => listenPort);
  const loads = [...services.keys()].map((name) => startLoad({ ports, host: hostOf(name), path: '/', rate: RATE }));
  undo.push(async () => void (await Promise.all(loads.map((load) => load.stop()))));
  for (const { samples } of loads) {
    await waitFor(() => samples.some(({ status }) => status === 200), { what: 'an answer of each service' });
  }
  const restarts = keepRestarting(
    [...services.values()].flatMap(({ even, odd }) => [...even, ...odd]),
    random,
  );
  undo.push(restarts.stop);
  const each = Math.ceil(ROLLOUTS / BACKENDS);
  const ended = (await Promise.all([...services].map(([name, arms]) => rollOut(client, name, arms, each)))).flat();
  await restarts.stop();
  report(ended, loads, restarts.count());
  process.exitCode = ended.every(({ phase }) => phase === 'promoted') ? 0 : 1;
} finally {
  await undoAll(undo, (line) => console.error(line));
}

async function arm(random: Random): Promise<readonly Service[]> {
  const services: Service[] = [];
  for (let i = 0; i < PER_ARM; i += 1) {
    const service = await startService(HABITS, random);
    undo.push(() => service.close());
    services.push(service);
  }
  return services;
}

function addresses(services: readonly Service[]): readonly string[] {
  return services.map(({ address }) => address);
}

/** One revision after the other, each on the services that the one before does not use. */
async function rollOut(client: Client, backend: string, arms: Arms, count: number): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  let stable: keyof Arms = 'even';
  for (let i = 1; i <= count; i += 1) {
    const canary: keyof Arms = stable === 'even' ? 'odd' : 'even';
    const startMs = performance.now();
    const request = { plan: backend, revision: `r${i}`, endpoints: addresses(arms[canary]) };
    const rollout = await untilEnded(client, given(await client.start(request, null)));
    if (rollout.phase === 'promoted') stable = canary;
    const seconds = (performance.now() - startMs) / 1_000;
    ended.push({ backend, phase: rollout.phase, cause: rollout.cause?.summary ?? '', seconds });
    console.error(`${backend} r${i}: ${rollout.phase} after ${Math.round(seconds)} s ${rollout.cause?.summary ?? ''}`);
  }
  return ended;
}

async function untilEnded(client: Client, started: RolloutBody): Promise<RolloutBody> {
  const endMs = performance.now() + END_MS;
  let rollout = started;
  while (!isTerminal(rollout.phase)) {
    if (performance.now() > endMs) throw new Error(`${rollout.id} has not ended, it waits for ${rollout.waitingFor}`);
    rollout = given(await client.rolloutAfter(rollout.id, rollout.rev, 10_000));
  }
  return rollout;
}

/** One service after the other, by chance, in whichever arm it is. */
function keepRestarting(services: readonly Service[], random: Random) {
  let count = 0;
  let present: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    const service = services[random.between(0, services.length - 1)];
    if (service === undefined) return;
    count += 1;
    present = present.then(() => service.restart(random.between(AWAY_MS.min, AWAY_MS.max)));
  }, RESTART_EVERY_MS);
  return {
    count: () => count,
    stop: async () => {
      clearInterval(timer);
      await present;
    },
  };
}

function report(ended: readonly Ended[], loads: readonly Load[], restarts: number): void {
  const samples = loads.flatMap((load) => load.samples);
  const failed = samples.filter(({ status }) => status < 200 || status > 299).length;
  const seconds = ended.map((one) => one.seconds);
  const figures = {
    rollouts: ended.length,
    promoted: ended.filter(({ phase }) => phase === 'promoted').length,
    rolledBack: ended.filter(({ phase }) => phase === 'rolled_back').length,
    restarts,
    requests: samples.length,
    failedShare: failed / samples.length,
    secondsP50: Math.round(percentile(seconds, 0.5)),
    secondsMax: Math.round(Math.max(...seconds)),
  };
  console.table([figures]);
  console.log(JSON.stringify(figures));
}

function given<T>(result: Result<T>): T {
  if (result.kind === 'error') throw new Error(result.errors.map(formatError).join('; '));
  return result.value;
}
