import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CRASH_POINTS } from '../../src/platform/crash-point.ts';
import { FAULTS } from './faults.ts';
import { type FaultFigures, lastFigure, lastFigures } from './last-figures.ts';
import { SOAK } from './soak-section.ts';
import { table } from './table.ts';

const HEAD = `# Reliability

What happens when something fails, and which test says so. A test of a fault has its number before its name (\`F9: …\`);
\`npx vitest run -t 'F9'\` runs those of one. "Last figure" is what the last kept run of the [crash
harness](#the-crash-harness) met of it; "not yet" is what Serin does not do so far.

This page is generated from \`tools/docs/faults.ts\` and the names of the tests with \`npm run docs\`.
`;

const HARNESS = `## The crash harness

\`npm run fault [-- --crashes N --seed S]\` runs three replicas of the engine on one Redis (append-only file, synced
at every write), an Envoy behind each of them over a line that can be cut, a Prometheus, a webhook receiver, and load.
Rollouts go on without a pause on three backends: good ones, judged ones, ones that fail their judge, ones that Envoy
refuses, ones that a person aborts. Meanwhile replicas die at the points below, replicas, Redis and Envoys are killed
and stopped at random, and lines are cut or fall silent: of an Envoy to the replicas, of a replica to Redis, of all
replicas to Prometheus and to the receiver. A replica that dies is started again; an Envoy whose replica is away goes to
another one.

Checked from outside, over the whole run:

- a backend never has two active rollouts;
- events are in order, each step is entered once, a way back is never followed by a raise, a rollout ends once, and as
  its kind should;
- what each Envoy's \`config_dump\` shows is the current, the previous or the stable state of its rollout, and once a way
  back is durable the canary gets no more than it had;
- every message arrives, in order, and a repeated one under the id of the first;
- a rollout is set aside only after three replicas were away since it began or was resumed, people are told, and it ends
  as its kind should once it is resumed;
- no request fails, but those to an Envoy that is killed or stopped and those that the bad revision fails itself.

The last line is one JSON object: \`recoveryMs…\` is the time from the death of a process until somebody has acted on
every rollout that was due. Points are honoured with \`NODE_ENV=test\` alone (\`SERIN_CRASH_POINT=<name>:<n>\`, the n-th
time; with \`@SIGUSR2\` after it, from that signal on).
`;

/** `docs/reliability.md`. */
export function renderReliability(): string {
  const tests = faultTests();
  const last = lastFigures();
  const rows = Object.entries(FAULTS).map(([id, { fault, promise, gap, untested }]) => [
    id,
    fault,
    untested === true ? `_not yet:_ ${promise}` : promise,
    (tests.get(id) ?? []).map((file) => `[${nameOf(file)}](../${file})`).join(', ') || '–',
    last === null ? '' : lastFigure(id, last),
    gap ?? '',
  ]);
  return `${HEAD}\n${table(['', 'fault', 'promise', 'tests', 'last figure', 'not yet'], rows)}\n\n${HARNESS}${figures()}\n${SOAK}`;
}

/** Files with a test that is named after a fault, by fault. */
export function faultTests(): ReadonlyMap<string, readonly string[]> {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(test|contract)\.ts$/.test(file),
  );
  const found = new Map<string, Set<string>>();
  for (const file of files.sort()) {
    const source = readFileSync(join('test', file), 'utf8');
    for (const [, ids = ''] of source.matchAll(/['"`]((?:F\d+\/?)+): /g)) {
      for (const id of ids.split('/')) found.set(id, (found.get(id) ?? new Set()).add(`test/${file}`));
    }
  }
  return new Map([...found].map(([id, set]) => [id, [...set]]));
}

function nameOf(file: string): string {
  return file.replace(/^.*\//, '').replace(/(\.integration)?\.(test|contract)\.ts$/, '');
}

function figures(): string {
  const last = lastFigures();
  if (last === null) return '\nNo run was kept yet.\n';
  const points = CRASH_POINTS.map((point) => [`\`${point}\``, diedAt(last, point)]);
  const others = Object.entries(last.points).filter(([name]) => !/^(point|recovery) /.test(name));
  return `
The last run that was kept: ${last.crashes} crashes, ${last.violations} violations; ${last.rollouts} rollouts and
${last.requests} requests served meanwhile. Acted again after ${last.recoveryMsP50} ms (p50), ${last.recoveryMsP99} ms (p99).
Messages lost: ${last.lostNotifications}; sent twice: ${last.duplicatedNotifications}. The harness itself did not get to run ${last.stalls}
times for more than a second, ${Math.round(last.stalledMs / 1000)} s in all: so busy was the machine.

${table(['replica died at', 'times'], points)}

${table(
  ['other fault', 'times'],
  others.map(([name, count]) => [name, String(count)]),
)}
`;
}

/** A point that did not exist yet is not one that was never passed. */
function diedAt({ points }: FaultFigures, point: string): string {
  const known = Object.entries(points).filter(([name]) => name.split(/[ ,]/)[1] === point);
  if (known.length === 0) return 'newer than the run';
  const died = known.filter(([name]) => !name.endsWith('(not passed)'));
  return String(died.reduce((sum, [, count]) => sum + count, 0));
}
