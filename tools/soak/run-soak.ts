import { createRedisStore } from '../../src/adapters/store/redis-store.ts';
import { RETENTION_SUBJECT } from '../../src/engine/retention.ts';
import type { Undo } from '../../test/support/installation.ts';
import { quiet } from '../../test/support/quiet-logger.ts';
import { seeded } from '../../test/support/random.ts';
import { faults as faultsOf } from '../fault/fault-deck.ts';
import { type Run, startRun } from '../fault/run.ts';
import { type Growth, judge, type Measured } from './judge.ts';
import { replicaWatch } from './replica-watch.ts';
import { storeWatch } from './store-watch.ts';

export interface SoakReport {
  readonly minutes: number;
  readonly seed: number;
  readonly violations: number;
  readonly rollouts: number;
  /** Rollouts that retention has let go while the run went on. */
  readonly letGo: number;
  readonly requests: number;
  readonly faults: number;
  readonly crashes: number;
  readonly lives: number;
  /** Most keys with a time to live, at one moment. */
  readonly passingKeys: number;
  readonly growth: readonly Growth[];
}

/** Never killed, so that one curve is as long as the run. */
const SPARED = 'engine-1';
/** The least that the configuration allows, so that there is something to let go soon. */
const KEPT = 10;
const SETTINGS = `retention: { rollouts: ${KEPT}, auditEntries: 1000 }\n`;
/** Once an hour by itself. */
const SWEEP_MS = 10_000;
/** How often all is measured: so many times in the run, but not more or less often than this, ms. */
const LOOKS = 200;
const LOOK_MS = [1_000, 5_000] as const;
/** Between one fault and the next, ms. */
const CALM_MS = [3_000, 12_000] as const;

/** Faults for as long as it is told, everything measured meanwhile; what grows is a violation. */
export async function runSoak(options: {
  readonly minutes: number;
  readonly seed: number;
  readonly program: readonly string[];
  readonly undo: Undo[];
  readonly say: (line: string) => void;
}): Promise<{ readonly report: SoakReport; readonly violations: readonly string[] }> {
  const { minutes, seed, program, undo, say } = options;
  const random = seeded(seed);
  const run = await startRun({ seed, random, program, undo, say, settings: SETTINGS, spared: [SPARED] });
  const endMs = performance.now() + minutes * 60_000;
  const measured = measure(run, endMs, undo);
  const deck = faultsOf(random);
  let [faults, crashes] = [0, 0];
  while (performance.now() < endMs) {
    const fault = deck.next().value;
    const { recoveries, at } = await run.inject(fault);
    faults += 1;
    crashes += recoveries.length;
    const name = at === null ? fault.kind : `${fault.kind} ${at}`;
    if (recoveries.includes(null)) run.violation(`after ${name} nobody acted within 30 s`);
    const leftS = Math.max(0, Math.round((endMs - performance.now()) / 1_000));
    say(`${name}: acts again after ${recoveries.join(', ') || '–'} ms; ${leftS} s to go`);
    const calmMs = random.between(...CALM_MS);
    await new Promise((resolve) => setTimeout(resolve, Math.min(calmMs, Math.max(0, endMs - performance.now()))));
  }
  const held = await measured;
  const { history, served } = await run.conclude();
  const growth = judge(held, minutes);
  for (const { of, what, ...found } of growth) {
    if (found.verdict === 'grows')
      run.violation(`${what} of ${of} grew by ${found.growth}, ${found.allowed} are allowed`);
  }
  const letGo = history.rollouts.length - (await keptRollouts(run));
  if (history.rollouts.length > 2 * KEPT && letGo === 0) run.violation('retention has let nothing go');
  const report: SoakReport = {
    minutes,
    seed,
    violations: run.violations.length,
    rollouts: history.rollouts.length,
    letGo,
    requests: served,
    faults,
    crashes,
    lives: held.lives.length,
    passingKeys: Math.max(0, ...held.store.passing.map(({ value }) => value)),
    growth,
  };
  return { report, violations: run.violations };
}

/** Looks until the time is over; the last rollouts, for which nothing new begins, are not part of it. */
async function measure(run: Run, endMs: number, undo: Undo[]): Promise<Measured> {
  const replicas = replicaWatch(run.plant.engines);
  const watch = storeWatch(run.plant.redisPort);
  undo.push(async () => watch.close());
  const store = createRedisStore({ connection: { url: redisUrl(run) }, logger: quiet });
  undo.push(async () => store.close());
  const beginMs = performance.now();
  const everyMs = Math.min(LOOK_MS[1], Math.max(LOOK_MS[0], (endMs - beginMs) / LOOKS));
  let sweptMs = beginMs;
  while (performance.now() < endMs) {
    const nextMs = performance.now() + everyMs;
    if (performance.now() - sweptMs > SWEEP_MS) {
      sweptMs = performance.now();
      await store.due.schedule(RETENTION_SUBJECT, Date.now());
    }
    await Promise.all([replicas.look(), watch.look((performance.now() - beginMs) / 1_000)]);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, nextMs - performance.now())));
  }
  return { lives: replicas.lives, store: watch.series };
}

async function keptRollouts(run: Run): Promise<number> {
  const store = createRedisStore({ connection: { url: redisUrl(run) }, logger: quiet });
  try {
    const page = await store.keys.oldest('rollout/', { limit: 1, cursor: null });
    return page.kind === 'ok' ? page.value.total : Number.NaN;
  } finally {
    store.close();
  }
}

function redisUrl({ plant }: Run): string {
  return `redis://127.0.0.1:${plant.redisPort}`;
}
