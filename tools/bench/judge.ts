import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ALL_WORLDS, CONTESTS, type Job } from './judge/contests.ts';
import { lookCost } from './judge/look-cost.ts';
import { COMMON, parametersOf, parameterWords } from './judge/parameters.ts';
import { playJobs } from './judge/play-jobs.ts';
import type { Outcome } from './judge/replicate.ts';
import { missedGates, type Row, summarise } from './judge/summary.ts';
import { tickCostMs } from './judge/tick-cost.ts';

/**
 * `npm run bench:judge [-- --quick] [--replications 1000] [--world B2,G5] [--judge sequential]`: simulated rollouts with
 * known truth, judged by Serin's sequential judge, by those of others and by a test that knows the truth (`limit`).
 * `--quick` gives the others a tenth of the replications.
 * Worlds and their parameters: `judge/worlds.ts` and `judge/further-worlds.ts`. Seeds are fixed, so a run can be
 * repeated to the digit, whatever the number of cores. Exit code 1: the sequential judge misses what it is held to.
 */
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    replications: { type: 'string' },
    world: { type: 'string' },
    judge: { type: 'string' },
  },
});
const REPLICATIONS = Number(values.replications ?? 1000);
const CHUNK = 50;
const worlds = chosen(values.world, ALL_WORLDS);
const contests = chosen(values.judge === undefined ? undefined : `${values.judge},limit`, CONTESTS);

const jobs = worlds.flatMap((world) =>
  contests.filter((contest) => CONTESTS[contest]?.plays(worldAt(world))).flatMap((contest) => chunks(world, contest)),
);
const played = await playJobs(jobs, availableParallelism());
const rows = worlds.flatMap(rowsOf);
print(rows);
const missed = missedGates(rows);
for (const gate of missed) console.log(`MISSED ${gate}`);
const tickMs = Object.fromEntries([1, 100, 1000].map((proxies) => [proxies, tickCostMs(proxies)]));
console.log(`ms per decision with 1, 100 and 1000 proxies: ${Object.values(tickMs).join(', ')}`);
const lookMs = [2, 64].map(lookCost);
for (const { envoys, ms, uncheckedMs } of lookMs) {
  console.log(`CPU of a look at ${envoys} Envoys: ${ms} ms, ${uncheckedMs} ms without the check of each Envoy's share`);
}
const parameters = Object.fromEntries(worlds.map(worldAt).map((one) => [one.name, parametersOf(one)]));
console.log(
  JSON.stringify({ worlds: rows, replications: REPLICATIONS, missed, tickMs, lookMs, plan: COMMON, parameters }),
);
process.exitCode = missed.length === 0 ? 0 : 1;

function chunks(world: number, contest: number): Job[] {
  const wanted = Math.ceil(REPLICATIONS * (CONTESTS[contest]?.share[values.quick ? 'quick' : 'full'] ?? 1));
  return Array.from({ length: Math.ceil(wanted / CHUNK) }, (_, index) => {
    return { world, contest, from: index * CHUNK, to: Math.min(wanted, (index + 1) * CHUNK) };
  });
}

function rowsOf(world: number): Row[] {
  const outcomesOf = (contest: number) => {
    const parts = jobs.flatMap((job, index) => (job.world === world && job.contest === contest ? [played[index]] : []));
    return parts.flatMap((part): readonly Outcome[] => part ?? []);
  };
  const limitAt = CONTESTS.findIndex(({ name }) => name === 'limit');
  const ofLimit = outcomesOf(limitAt);
  const limit = ofLimit.length === 0 ? null : ofLimit.reduce((sum, { errors }) => sum + errors, 0) / ofLimit.length;
  return contests.flatMap((contest) => {
    const outcomes = outcomesOf(contest);
    return outcomes.length === 0 ? [] : [summarise(worldAt(world), CONTESTS[contest]?.name ?? '', outcomes, limit)];
  });
}

function print(all: readonly Row[]): void {
  const percent = (share: number | null) => (share === null ? '' : (share * 100).toFixed(1));
  const text = (value: number | null) => (value === null ? '' : String(value));
  const head = [
    'world',
    'judge',
    'false rollback %',
    'detected %',
    'delay s',
    'errors',
    '/ limit',
    'promoted %',
    'at s',
    'parameters: stable / canary',
  ];
  const lines = all.map((row, i) => [
    ...[row.name, row.judge, percent(row.falseRollback), percent(row.detected), text(row.medianDelayS)],
    ...[row.errorsSeen.toFixed(1), text(row.ratioToLimit), percent(row.promoted), text(row.medianPromoteS)],
    // Beside the first of its rows.
    row.name === all[i - 1]?.name ? '' : wordsOf(row.name),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)));
  const isText = (column: number) => column < 2 || column === head.length - 1;
  for (const line of [head, ...lines]) {
    console.log(
      line
        .map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    );
  }
}

function wordsOf(name: string): string {
  const world = ALL_WORLDS.find((one) => one.name === name);
  return world === undefined ? '' : parameterWords(world);
}

function worldAt(index: number) {
  const world = ALL_WORLDS[index];
  if (world === undefined) throw new RangeError(`no world ${index}`);
  return world;
}

/** Indices of what is named, or of all. */
function chosen(names: string | undefined, all: readonly { readonly name: string }[]): readonly number[] {
  const wanted = names?.split(',');
  const unknown = wanted?.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined)
    throw new Error(`there is no ${unknown}; known: ${all.map(({ name }) => name).join(', ')}`);
  return all.flatMap(({ name }, index) => (wanted?.includes(name) === false ? [] : [index]));
}
