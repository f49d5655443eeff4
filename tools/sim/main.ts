import { spawn } from 'node:child_process';
import { register } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BUGS } from './bugs.ts';

/**
 * `npm run sim`: plays schedules of everything that can go wrong against the real core and engine, in virtual time.
 * A failure prints its seed and the faults that are needed for it; `--replay --seed N` steps through one schedule.
 * `--joint` lets one plan roll two backends out together, `--variants` lets one test two revisions at once.
 * `--bug NAME` plants a bug first, `--bugs` plants each of them in turn and says how soon it was caught.
 * With `--lost-writes` the store comes back with older state, and people reconcile it: adopt, stable or replay.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    schedules: { type: 'string', default: '1000' },
    replicas: { type: 'string', default: '3' },
    rollouts: { type: 'string', default: '5' },
    nodes: { type: 'string', default: '4' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    replay: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    bug: { type: 'string' },
    bugs: { type: 'boolean', default: false },
    'lost-writes': { type: 'boolean', default: false },
    joint: { type: 'boolean', default: false },
    variants: { type: 'boolean', default: false },
    shard: { type: 'boolean', default: false },
  },
});
const WITHIN_SCHEDULES = 1_000;
const MAX_FAILURES = 10;

interface Totals {
  schedules: number;
  events: number;
  violations: number;
  /** Times that an Envoy was served something older than it had by a replica that had not read the newer. */
  staleServes: number;
  /** Pairs of seed and violation. */
  failures: [number, string][];
  phases: Record<string, number>;
}

const size = {
  replicas: Number(values.replicas),
  rollouts: Number(values.rollouts),
  nodes: Number(values.nodes),
  lostWrites: values['lost-writes'],
  joint: values.joint,
  variants: values.variants,
};
const first = Number(values.seed);

if (values.bugs) await catchBugs();
else if (values.shard) process.send?.(await playShard(first, Number(values.schedules)));
else if (values.replay) await replay();
else await run();

async function world() {
  const bug = BUGS.find(({ name }) => name === values.bug);
  if (values.bug !== undefined && bug === undefined) {
    console.error(`no such bug; there are ${BUGS.map(({ name }) => name).join(', ')}`);
    process.exit(2);
  }
  if (bug !== undefined) register('./plant.mjs', import.meta.url, { data: bug });
  const { play } = await import('../../test/sim/world.ts');
  const { shrink } = await import('../../test/sim/shrink.ts');
  return { play, shrink };
}

async function playShard(from: number, schedules: number): Promise<Totals> {
  const { play } = await world();
  const totals: Totals = { schedules: 0, events: 0, violations: 0, staleServes: 0, failures: [], phases: {} };
  for (let seed = from; seed < from + schedules && totals.failures.length < MAX_FAILURES; seed += 1) {
    const played = await play({ seed, ...size });
    totals.schedules += 1;
    totals.events += played.events;
    totals.violations += played.violations.length;
    totals.staleServes += played.staleServes;
    for (const phase of played.phases) totals.phases[phase] = (totals.phases[phase] ?? 0) + 1;
    const [violation] = played.violations;
    if (violation !== undefined) totals.failures.push([seed, violation]);
    // The first one says it all where a bug was planted.
    if (values.bug !== undefined && violation !== undefined) break;
    if (process.stderr.isTTY && seed % 20 === 0) process.stderr.write(`\r${seed - from} schedules`);
  }
  return totals;
}

/** Splits the seeds over processes: a world is one thread. */
async function playAll(schedules: number): Promise<Totals[]> {
  const jobs = values.bug === undefined ? Math.min(Number(values.jobs), schedules) : 1;
  const each = Math.ceil(schedules / jobs);
  if (jobs === 1) return [await playShard(first, schedules)];
  return Promise.all(
    Array.from({ length: jobs }, (_, i) => {
      const own = Math.min(each, schedules - i * each);
      return inChild<Totals>(['--shard', '--seed', String(first + i * each), '--schedules', String(own)]);
    }),
  );
}

function inChild<T>(more: readonly string[]): Promise<T> {
  const same = ['replicas', 'rollouts', 'nodes'].flatMap((name) => [`--${name}`, String(values[name as 'nodes'])]);
  // A world makes much garbage and keeps little: the young part of the heap may be larger.
  const args = ['--max-semi-space-size=64', '--import', 'tsx', fileURLToPath(import.meta.url), ...same, ...more];
  if (size.lostWrites) args.push('--lost-writes');
  if (size.joint) args.push('--joint');
  if (size.variants) args.push('--variants');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let answer: T | null = null;
    child.on('message', (message) => {
      answer = message as T;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (answer === null) reject(new Error(`a process of the simulation ended with ${code}`));
      else resolve(answer);
    });
  });
}

async function run(): Promise<void> {
  const startedMs = performance.now();
  const shards = await playAll(Number(values.schedules));
  const sum = (of: (totals: Totals) => number) => shards.reduce((total, shard) => total + of(shard), 0);
  const seconds = (performance.now() - startedMs) / 1_000;
  const schedules = sum((shard) => shard.schedules);
  const failures = shards.flatMap((shard) => shard.failures).sort(([a], [b]) => a - b);
  const phases = new Map<string, number>();
  for (const shard of shards) {
    for (const [phase, times] of Object.entries(shard.phases)) phases.set(phase, (phases.get(phase) ?? 0) + times);
  }
  console.log(`${schedules} schedules, ${(schedules / seconds).toFixed(1)} a second, ${sum((s) => s.events)} events`);
  console.log(`rollouts ended: ${[...phases].map(([phase, times]) => `${phase} ${times}`).join(', ')}`);
  console.log(`Envoys that moved to a replica which was behind: ${sum((s) => s.staleServes)}`);
  for (const [seed, violation] of failures.slice(0, MAX_FAILURES)) console.log(`FAILED seed ${seed}: ${violation}`);
  const worst = failures[0];
  if (worst !== undefined && values.bug === undefined) await shrunk(worst[0]);
  const violations = sum((shard) => shard.violations);
  console.log(
    JSON.stringify({
      schedules,
      events: sum((shard) => shard.events),
      violations,
      seconds: Math.round(seconds * 10) / 10,
    }),
  );
  process.exitCode = violations === 0 ? 0 : 1;
}

/** Says which faults of a failing schedule are needed, and how it goes with those alone. */
async function shrunk(seed: number): Promise<void> {
  const { play, shrink } = await world();
  const failed = await play({ seed, ...size });
  const { faults, violation, runs } = await shrink({ seed, ...size }, failed);
  console.log(`\nseed ${seed}: ${failed.faults.length} faults, ${faults.length} after ${runs} runs: ${violation}`);
  await play({ seed, ...size, only: new Set(faults), trace: (line) => console.log(line) });
  const only = faults.map((fault) => ` --only '${fault}'`).join('');
  console.log(`\nnpm run sim -- --replay --seed ${seed}${only}\n`);
}

async function replay(): Promise<void> {
  const { play } = await world();
  const only = values.only === undefined ? null : new Set(values.only);
  const startedMs = performance.now();
  const played = await play({ seed: first, ...size, only, trace: (line) => console.log(line) });
  for (const violation of played.violations) console.log(`FAILED seed ${first}: ${violation}`);
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  const { events, violations } = played;
  console.log(JSON.stringify({ schedules: 1, events, violations: violations.length, seconds }));
  process.exitCode = violations.length === 0 ? 0 : 1;
}

async function catchBugs(): Promise<void> {
  const startedMs = performance.now();
  let [schedules, events, missed] = [0, 0, 0];
  for (const { name, what, lostWrites = false } of BUGS) {
    const more = ['--shard', '--seed', String(first), '--schedules', String(WITHIN_SCHEDULES), '--bug', name];
    if (lostWrites) more.push('--lost-writes');
    const totals = await inChild<Totals>(more);
    schedules += totals.schedules;
    events += totals.events;
    const [failure] = totals.failures;
    if (failure === undefined) missed += 1;
    const how = failure === undefined ? 'NOT CAUGHT' : `${totals.schedules}`.padStart(4);
    console.log(`${name.padEnd(24)} ${how}  ${failure?.[1] ?? what}`);
  }
  console.log(
    `${BUGS.length - missed} of ${BUGS.length} planted bugs were caught within ${WITHIN_SCHEDULES} schedules`,
  );
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  console.log(JSON.stringify({ schedules, events, violations: missed, seconds }));
  process.exitCode = missed === 0 ? 0 : 1;
}
