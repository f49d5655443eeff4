import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { rolloutEvents, serin, serinJson, until } from '../../test/support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../../test/support/installation.ts';
import { type Load, startLoad } from '../../test/support/load.ts';
import { stopAll, waitFor } from '../../test/support/processes.ts';
import type { Upstream } from '../../test/support/upstream.ts';
import { demoDocuments } from './documents.ts';
import { failed, liveEvent, type StepFigures, stepFigures } from './figures.ts';

/**
 * A good canary, a bad one and one that a person aborts, on two real Envoys judged by a real Prometheus,
 * through the command line that users have. Every figure is counted in this run.
 */
const json = process.argv.includes('--json');
const RATE = 400;
const undo: Undo[] = [];
let ending: Promise<void> | null = null;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Ends everything that was started, newest first, then what was just starting; once. */
function end(): Promise<void> {
  ending ??= undoAll(undo, say).then(stopAll);
  return ending;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    say('\nstopping; everything that was started is ended');
    void end().then(() => process.exit(130));
  });
}

async function demo(): Promise<void> {
  say('building');
  const compiler = spawn(join('node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json'], {
    stdio: ['ignore', 2, 2],
  });
  undo.push(async () => void compiler.kill());
  const [built] = await once(compiler, 'exit');
  if (built !== 0) throw new Error('the build failed');
  say('starting upstreams, two Envoys, a Prometheus, and Serin with a store of its own');
  const world = await startInstallation({
    program: [resolve('dist/main.js')],
    mode: 'dev',
    envoys: 2,
    revisions: ['v1', 'v2', 'v3', 'v4'],
    undo,
  });
  const documents = join(world.folder, 'shop.yaml');
  writeFileSync(documents, demoDocuments(addressOf(world, 'v1')));
  await serinJson(world, ['apply', '-f', documents]);
  const load = startLoad({
    ports: world.envoys.map(({ listenPort }) => listenPort),
    host: 'shop.example.com',
    path: '/checkout',
    rate: RATE,
    pinned: { every: 20, name: 'x-tester', value: 'yes' },
  });
  undo.push(() => load.stop());
  const fromV1 = () => load.samples.slice(-100).filter(({ servedBy }) => servedBy === 'v1').length === 100;
  await waitFor(fromV1, { what: 'v1 to answer all requests' });
  say(`load: ${RATE} requests per second over two Envoys, every 20th from a tester`);

  const good = await goodCanary(world, load);
  const bad = await badCanary(world, load);
  const abort = await aborted(world);
  await waitFor(() => world.receiver.messages.some(({ text }) => text.includes('v4 is aborted')), {
    what: 'the last message',
  });
  summary(world, good, bad, abort);
  await end();
  if (json) {
    const notifications = world.receiver.messages.map(({ text }) => text);
    process.stdout.write(`${JSON.stringify({ good, bad, abort, notifications })}\n`);
  }
}

function upstreamOf({ upstreams }: Installation, revision: string): Upstream {
  const upstream = upstreams.get(revision);
  if (upstream === undefined) throw new Error(`no upstream ${revision}`);
  return upstream;
}

function addressOf(world: Installation, revision: string): string {
  return upstreamOf(world, revision).address;
}

interface Good {
  readonly outcome: string;
  readonly steps: readonly StepFigures[];
  readonly non2xx: number;
}

async function goodCanary(world: Installation, load: Load): Promise<Good> {
  say('\n— a good canary: testers first, then 10, 25 and 50 %, then everybody —');
  const startMs = Date.now();
  const start = ['rollout', 'start', 'checkout', '--revision', 'v2', '--endpoints', addressOf(world, 'v2')];
  const run = await serin(world, [...start, '--wait'], true);
  const rollout = JSON.parse(run.stdout) as RolloutBody;
  // A second of traffic at 100 %, to count the last step too.
  const seen = load.samples.length;
  await waitFor(() => load.samples.length > seen + RATE, { what: 'traffic at 100 %' });
  const endMs = Date.now();
  const steps = stepFigures(rollout, await rolloutEvents(world, rollout.id), load.samples, endMs);
  return { outcome: rollout.phase, steps, non2xx: failed(load.samples, startMs, endMs) };
}

interface Bad {
  readonly outcome: string;
  readonly reason: string;
  readonly requestsHurt: number;
  readonly decisionToLastAckMs: number;
  readonly non2xxAfterAck: number;
}

async function badCanary(world: Installation, load: Load): Promise<Bad> {
  say('\n— a bad canary: fails every third request from its 25 % step on —');
  const startMs = Date.now();
  const started = await serinJson<RolloutBody>(world, [
    'rollout',
    'start',
    'checkout',
    '--revision',
    'v3',
    '--endpoints',
    addressOf(world, 'v3'),
  ]);
  const waiting = serin(world, ['rollout', 'watch', started.id], true);
  await until(world, started.id, ({ step, push }) => step !== null && step.weight >= 25 && push?.liveAt != null);
  upstreamOf(world, 'v3').failShare = 1 / 3;
  await waiting;
  const rollout = await serinJson<RolloutBody>(world, ['rollout', 'get', started.id]);
  const back = liveEvent(await rolloutEvents(world, started.id), 'rolling_back');
  const seen = load.samples.length;
  await waitFor(() => load.samples.length > seen + RATE, { what: 'traffic after the rollback' });
  return {
    outcome: rollout.phase,
    reason: rollout.cause?.summary ?? '',
    requestsHurt: failed(load.samples, startMs),
    decisionToLastAckMs: back?.ackMs ?? -1,
    non2xxAfterAck: back === null ? -1 : failed(load.samples, back.liveAtMs + 1),
  };
}

interface Abort {
  readonly outcome: string;
  readonly commandToLastAckMs: number;
  readonly decisionToLastAckMs: number;
}

async function aborted(world: Installation): Promise<Abort> {
  say('\n— a person aborts the third one —');
  const started = await serinJson<RolloutBody>(world, [
    'rollout',
    'start',
    'checkout-slow',
    '--revision',
    'v4',
    '--endpoints',
    addressOf(world, 'v4'),
  ]);
  await until(world, started.id, ({ step, push }) => step !== null && step.weight >= 10 && push?.liveAt != null);
  const commandMs = Date.now();
  await serinJson(world, ['rollout', 'abort', started.id, '--reason', 'wrong build']);
  await serin(world, ['rollout', 'watch', started.id], true);
  const rollout = await serinJson<RolloutBody>(world, ['rollout', 'get', started.id]);
  const back = liveEvent(await rolloutEvents(world, started.id), 'aborting');
  return {
    outcome: rollout.phase,
    commandToLastAckMs: back === null ? -1 : back.liveAtMs - commandMs,
    decisionToLastAckMs: back?.ackMs ?? -1,
  };
}

function summary(world: Installation, good: Good, bad: Bad, abort: Abort): void {
  say(`\ngood canary: ${good.outcome}`);
  say('  step        wanted   achieved   requests   of them canary   testers on canary   last ACK');
  for (const s of good.steps) {
    const cells = [
      s.name.padEnd(10),
      `${s.weight} %`.padStart(7),
      `${s.achieved} %`.padStart(9),
      String(s.requests).padStart(10),
    ];
    say(
      `  ${cells.join('  ')}${String(s.canaryRequests).padStart(17)}${String(s.pinned).padStart(20)}${`${s.ackMs} ms`.padStart(11)}`,
    );
  }
  say(`  requests that were not answered by 2xx: ${good.non2xx}`);
  say(`bad canary: ${bad.outcome} (${bad.reason})`);
  say(
    `  requests hurt: ${bad.requestsHurt}; decision to last ACK: ${bad.decisionToLastAckMs} ms; not 2xx after that: ${bad.non2xxAfterAck}`,
  );
  say(
    `aborted canary: ${abort.outcome}; command to last ACK: ${abort.commandToLastAckMs} ms (of it decision to last ACK ${abort.decisionToLastAckMs} ms)`,
  );
  say(`messages that the webhook receiver got (${world.receiver.messages.length}):`);
  for (const { text } of world.receiver.messages) say(`  ${text.split('\n')[0]}`);
}

try {
  await demo();
} catch (error) {
  if (ending === null) {
    say(`the demo failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
  await end();
}
