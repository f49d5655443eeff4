import { counted } from '../../../core/model/counted.ts';
import type { PlanDocument, PlanSpec } from '../../../core/model/documents.ts';
import { formatDuration } from '../../../core/model/duration.ts';
import { percent } from '../../../core/model/percent.ts';
import { CANARY } from '../../../core/model/variants.ts';
import { backendNames, canaryNames, stableNames } from '../../../core/rollout/joint.ts';
import type { Run } from '../../../core/simulation/play.ts';
import type { Release } from '../../../core/simulation/release.ts';
import { hurtIn, type Spread, type Summary, slowIn } from '../../../core/simulation/summary.ts';
import type { TimelineEntry } from '../../../core/simulation/timeline.ts';
import type { World } from '../../../core/simulation/world.ts';
import { type Paint, table } from '../render.ts';

/** `serin plan simulate` for people. */

export function headLines({
  plan,
  release,
  world,
}: {
  readonly plan: PlanDocument;
  readonly release: Release;
  readonly world: World;
}): readonly string[] {
  const { rollout } = release;
  const { fleets } = rollout;
  const isJoint = world.backends.length > 1;
  const rps = world.backends.map(({ backend, requests: [first, ...later] }) => {
    const said = `${first?.rps} requests a second${later.length === 0 ? '' : ' at first'}`;
    return isJoint ? `${said} to ${backend}` : said;
  });
  const envoys = `${counted(world.envoys, 'Envoy')}${fleets.length > 1 ? ` in each of ${fleets.length} fleets` : ''}`;
  return [
    `Plan ${plan.name}: ${backendNames(rollout)} from ${stableNames(rollout) ?? 'nothing'} to ${canaryNames(rollout)}`,
    `  ${rps.join(', ')}, ${envoys}, scraped every ${formatDuration(world.scrapeMs)}`,
  ];
}

/** The small steps on the way to a larger one, which are of milliseconds. */
const SMALL: ReadonlySet<TimelineEntry['kind']> = new Set(['probe', 'live', 'drill', 'back']);
/** So long a wait is worth no line, ms. */
const MOMENT_MS = 1_000;

export function runLines(run: Run, spec: PlanSpec, paint: Paint): readonly string[] {
  const told = run.entries.filter(({ kind }) => !SMALL.has(kind));
  const shown = told.filter((entry, i) => {
    const next = told[i + 1];
    // That it waits for evidence says which metric is open, and why.
    if (entry.kind === 'verdict') return next?.kind !== 'waits' || !next.message.startsWith('evidence of');
    return entry.kind !== 'waits' || (next?.atMs ?? run.tookMs) - entry.atMs >= MOMENT_MS;
  });
  const cells = shown.map((entry) => [time(entry.atMs), stepText(entry, spec), sharesText(entry)]);
  const arms = [CANARY, ...(spec.variants ?? [])].map((arm) => arm.toUpperCase());
  // What is as in the line above is not said again.
  const rows = shown.map((entry, i) => [
    ...(cells[i] ?? []).map((cell, column) => (cells[i - 1]?.[column] === cell ? '' : cell)),
    wordsOf(entry, shown.slice(0, i), paint),
  ]);
  return [
    `Seed ${run.seed}`,
    ...table([['TIME', 'STEP', arms.join(', '), 'WHAT'], ...rows]).map((line) => `  ${line}`),
    '',
    `  ${outcomeText(run, paint)} after ${time(run.tookMs)}${run.because === null ? '' : `: ${run.because}`}`,
    `  ${tollText(run)}`,
    ...partLines(run, spec),
  ];
}

/** Of each arm, where there are several. */
function sharesText({ weight, weights }: TimelineEntry): string {
  return weights === undefined ? percent(weight) : Object.values(weights).map(percent).join(', ');
}

/** What each of several backends or arms had of it. */
function partLines({ parts }: Run, { joint }: PlanSpec): readonly string[] {
  if (parts.length < 2) return [];
  return parts.map(({ name, toll }) => {
    const who = joint === undefined ? name : `the canary of ${name}`;
    const slow = toll.slowOnStable > 0 ? `; ${count(slowIn({ toll }))} too slow` : '';
    return `    ${count(toll.canary)} to ${who}; ${count(hurtIn({ toll }))} failed${slow} beyond stable's rate`;
  });
}

function stepText({ step, phase }: TimelineEntry, { strategy }: PlanSpec): string {
  const { steps } = strategy;
  if (phase !== 'stepping') return phase.replace('_', ' ');
  return `${step + 1}/${steps.length} ${steps[step]?.name ?? ''}`;
}

function wordsOf({ kind, message, by }: TimelineEntry, before: readonly TimelineEntry[], paint: Paint): string {
  const who = by === 'serin' ? '' : ` (${by})`;
  if (kind === 'waits') return paint.dim(`waits for ${message}`);
  if (kind === 'refused') return paint.warn(`refused: ${message}${who}`);
  if (kind === 'verdict') {
    const told = before.findLast((entry) => entry.kind === 'verdict')?.message.split(', ') ?? [];
    return changedVerdicts(message.split(', '), told, paint);
  }
  if (kind === 'paused') return paint.warn(`paused: ${message}${who}`);
  return `${message}${who}`;
}

/** `error-rate: pass (OK)` as the engine tells it, one for each metric. */
function changedVerdicts(verdicts: readonly string[], told: readonly string[], paint: Paint): string {
  if (verdicts.every((one) => one.endsWith(': pass (OK)'))) return paint.good('every analysis passes');
  return verdicts
    .filter((one) => !told.includes(one))
    .map((one) =>
      one.includes(': fail ') ? paint.bad(one) : one.includes(': pass ') ? paint.good(one) : paint.warn(one),
    )
    .join(', ');
}

function tollText(run: Run): string {
  const { requests, canary } = run.toll;
  const whom = run.parts.length < 2 ? 'the canary' : 'new revisions';
  const share = requests === 0 ? 0 : (100 * canary) / requests;
  const parts = [
    `${count(requests)} requests, ${count(canary)} of them to ${whom} (${Number(share.toPrecision(2))} %)`,
    `${count(hurtIn(run))} failed beyond stable's rate`,
    ...(run.toll.slowOnStable > 0 ? [`${count(slowIn(run))} too slow beyond stable's rate`] : []),
  ];
  return parts.join('; ');
}

export function summaryLines(
  { seeds, outcomes, tookMs, canary, hurt, slow, parts = [] }: Summary,
  asked: { readonly seeds: number; readonly seed: number; readonly withinMs: number },
  paint: Paint,
): readonly string[] {
  const span = seeds === 1 ? `seed ${asked.seed}` : `seeds ${asked.seed} to ${asked.seed + seeds - 1}`;
  const short =
    seeds < asked.seeds
      ? `; for all ${count(asked.seeds)} ${formatDuration(asked.withinMs)} was too short (--within)`
      : '';
  const ways = outcomes.map(({ outcome, arm, count: times, share, low, high, tookMs: own, seed }) => [
    outcomeText({ outcome, arm }, paint),
    share1(share),
    `${share1(low)} – ${share1(high)}`,
    `${time(own.median)} (${time(own.p5)} – ${time(own.p95)})`,
    `${count(times)}, like seed ${seed}`,
  ]);
  const spreads = [
    ['time to the end', ...spreadCells(tookMs, time)],
    [parts.length === 0 ? 'requests to the canary' : 'requests to new revisions', ...spreadCells(canary, count)],
    ...parts.map((part) => [`  ${part.name}`, ...spreadCells(part.canary, count)]),
    ["failed beyond stable's rate", ...spreadCells(hurt, count)],
    ...parts.map((part) => [`  ${part.name}`, ...spreadCells(part.hurt, count)]),
    ...(slow === null ? [] : [["too slow beyond stable's rate", ...spreadCells(slow, count)]]),
    ...parts.flatMap((part) => (part.slow === null ? [] : [[`  ${part.name}`, ...spreadCells(part.slow, count)]])),
  ];
  return [
    `${count(seeds)} ${seeds === 1 ? 'run' : 'runs'} (${span}${short})`,
    ...table([['OUTCOME', 'SHARE', '95 % INTERVAL', 'TIME TO END (5 – 95 %)', 'RUNS'], ...ways]).map(
      (line) => `  ${line}`,
    ),
    '',
    ...table([['PER RUN', 'LEAST', '5 %', 'MEDIAN', '95 %', 'MOST'], ...spreads]).map((line) => `  ${line}`),
  ];
}

function spreadCells({ least, p5, median, p95, most }: Spread, text: (value: number) => string): readonly string[] {
  return [least, p5, median, p95, most].map(text);
}

function outcomeText({ outcome, arm }: Pick<Run, 'outcome' | 'arm'>, paint: Paint): string {
  const text = `${outcome.replace('_', ' ')}${arm === null ? '' : ` (${arm})`}`;
  if (outcome === 'promoted') return paint.good(text);
  return outcome === 'rolled_back' || outcome === 'failed' ? paint.bad(text) : paint.warn(text);
}

/** In whole seconds: less says nothing in a run of minutes. */
function time(ms: number): string {
  return formatDuration(Math.round(ms / 1_000) * 1_000);
}

function share1(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}
