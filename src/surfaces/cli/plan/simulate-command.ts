import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { PlanDocument } from '../../../core/model/documents.ts';
import { fail, ok, type Result } from '../../../core/model/errors.ts';
import { parseWorld } from '../../../core/simulation/parse-world.ts';
import { type Run as PlayedRun, play } from '../../../core/simulation/play.ts';
import { longestRunMs, type Release, releaseOf } from '../../../core/simulation/release.ts';
import { summarise } from '../../../core/simulation/summary.ts';
import type { World } from '../../../core/simulation/world.ts';
import { type CommandContext, durationOption, type Run } from '../command-context.ts';
import { EXIT } from '../exit.ts';
import { readSources } from '../files.ts';
import { choosePlan, readDocuments } from '../preview-options.ts';
import { type PreviewFlags, previewFlags } from './preview-flags.ts';
import { runBody, summaryBody } from './simulate-bodies.ts';
import { headLines, runLines, summaryLines } from './simulate-lines.ts';

interface SimulateOptions extends PreviewFlags {
  readonly world: string;
  readonly seeds: string;
  readonly seed: string;
  readonly within: string;
  readonly for?: string;
}

const MOST_SEEDS = 100_000;
/** So long no key is listened to, ms. */
const SLICE_MS = 200;

/** `serin plan simulate` */
export function simulateCommand(plan: Command, context: CommandContext, run: Run): void {
  previewFlags(
    plan
      .command('simulate')
      .description('play a plan in a described world, in virtual time: how it ends, how long it takes, whom it hurts')
      .argument('<file...>', 'files, folders, or - for standard input'),
  )
    .requiredOption('--world <file>', 'what is asked, how both revisions answer, what people and hooks say')
    .option('--seeds <n>', 'how many times it is played', '1000')
    .option('--seed <n>', 'the first seed, whose run is told in full', '1')
    .option('--within <duration>', 'plays no more seeds after so long', '1m')
    .option('--for <duration>', 'virtual time of one run at the most (default: the deadline of the plan, and 10m)')
    .action((files: string[], options: SimulateOptions) => run(() => simulate(context, files, options))());
}

interface Asked {
  readonly plan: PlanDocument;
  readonly release: Release;
  readonly world: World;
  readonly seeds: number;
  readonly seed: number;
  readonly withinMs: number;
  readonly forMs: number;
}

async function simulate(context: CommandContext, files: readonly string[], options: SimulateOptions): Promise<number> {
  const { terminal, json, failed } = context;
  const asked = askedOf(context, files, options);
  if (asked.kind === 'error') return failed(asked.errors);
  const { plan, release, world, seed, forMs } = asked.value;
  const first = play(release, world, seed, forMs);
  const head = { plan, release, world };
  if (!json())
    for (const line of [...headLines(head), '', ...runLines(first, plan.spec, terminal.paint)]) terminal.out(line);
  const played = await playAll(context, asked.value, first);
  if (played === null) return EXIT.interrupted;
  const summary = summarise(played, first.toll.slowOnStable > 0);
  if (json())
    terminal.json({
      plan: plan.name,
      revision: release.rollout.canary.name,
      run: runBody(first),
      ...summaryBody(summary, asked.value.seeds),
    });
  else if (asked.value.seeds > 1)
    for (const line of ['', ...summaryLines(summary, asked.value, terminal.paint)]) terminal.out(line);
  return EXIT.done;
}

/** All seeds, or as many as there is time for; `null`: interrupted. */
async function playAll(
  { cli, terminal }: CommandContext,
  { release, world, seeds, seed, withinMs, forMs }: Asked,
  first: PlayedRun,
): Promise<readonly PlayedRun[] | null> {
  // What is told of the others are numbers alone.
  const played: PlayedRun[] = [first];
  const beganMs = performance.now();
  let toldMs = beganMs;
  while (played.length < seeds && performance.now() - beganMs < withinMs) {
    const one = play(release, world, seed + played.length, forMs);
    played.push({ ...one, entries: [] });
    if (performance.now() - toldMs < SLICE_MS) continue;
    toldMs = performance.now();
    if (cli.err.isTTY) terminal.live([`${played.length} of ${seeds} seeds`], false);
    await new Promise((resolve) => void setImmediate(resolve));
    if (cli.interrupted.aborted) return null;
  }
  if (cli.err.isTTY) terminal.live([], true);
  return played;
}

function askedOf({ cli }: CommandContext, files: readonly string[], options: SimulateOptions): Result<Asked> {
  const seeds = wholeNumber('--seeds', options.seeds, MOST_SEEDS);
  if (seeds.kind === 'error') return seeds;
  const seed = wholeNumber('--seed', options.seed, 2 ** 31);
  if (seed.kind === 'error') return seed;
  const within = durationOption(options.within);
  if (within.kind === 'error') return within;
  const forMs = durationOption(options.for);
  if (forMs.kind === 'error') return forMs;
  const documents = readDocuments(files, cli);
  if (documents.kind === 'error') return documents;
  const plan = choosePlan(documents.value, options.plan);
  if (plan.kind === 'error') return plan;
  const world = readWorld(options.world, plan.value, cli.readStdin);
  if (world.kind === 'error') return world;
  const { revision = 'canary', stable = null } = options;
  const release = releaseOf(documents.value, plan.value, { revision, stable, startsAtMs: world.value.startsAtMs });
  if (release.kind === 'error') return release;
  return ok({
    ...{ plan: plan.value, release: release.value, world: world.value },
    ...{ seeds: seeds.value, seed: seed.value },
    withinMs: within.value ?? 0,
    forMs: forMs.value ?? longestRunMs(plan.value.spec, world.value),
  });
}

function readWorld(file: string, plan: PlanDocument, readStdin: () => string): Result<World> {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    return fail('SERIN_REQUEST_INVALID', `${file} is a folder`, { hint: 'Name the one file of the world.' });
  }
  const sources = readSources([file], readStdin);
  if (sources.kind === 'error') return sources;
  const [source] = sources.value;
  return source === undefined ? fail('SERIN_REQUEST_INVALID', `${file} cannot be read`) : parseWorld(source, plan.spec);
}

function wholeNumber(option: string, text: string, most: number): Result<number> {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return ok(value);
  return fail('SERIN_REQUEST_INVALID', `${option} is not what it should be`, {
    hint: `Write a whole number from 1 to ${most}.`,
  });
}
