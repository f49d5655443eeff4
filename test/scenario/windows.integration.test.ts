import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { rolloutEvents, serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { shopDocuments } from '../support/shop-documents.ts';

/**
 * Time windows and freezes on a real Envoy. No hour of the day may matter, so every window is made from the minute at which
 * its test begins, and none begins or ends within the time that a test may take, but for the one that is waited for.
 */
const undo: Undo[] = [];
let world: Installation;
/** Where the one window is that has to shut and to open again: that takes two minutes, in which others go on elsewhere. */
let other: Installation;
let count = 0;
let last: Promise<unknown> = Promise.resolve();

/** All tests run at once, but those of the first installation one after the other. */
function inTurn(test: () => Promise<void>): () => Promise<void> {
  return () => {
    const turn = last.then(test);
    last = turn.catch(() => undefined);
    return turn;
  };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const shown = (ms: number): string => new Date(ms).toISOString();
const time = (ms: number): string => shown(ms).slice(11, 16);
const day = (ms: number): string => shown(ms).slice(0, 10);
const isoOf = (ms: number): string => `${day(ms)} ${time(ms)}`;

const windows = (open: string, freezes = '') => `windows: { zone: UTC, open: [${open}], freezes: [${freezes}] }`;
const plan = (steps: string, more: string) => `strategy: { steps: ${steps} }, deadline: 5d, notify: [deploys], ${more}`;
const STEPS = '[{ weight: 10, hold: 1s }, { weight: 50, hold: 1s }]';

beforeAll(async () => {
  const start = (revisions: readonly string[]) =>
    startInstallation({ program: PROGRAM, mode: 'dev', envoys: 1, revisions, undo });
  world = await start(['r0', 'r1', 'r2']);
  other = await start(['r0', 'r1']);
});
afterAll(() => undoAll(undo, () => {}));

async function started(name: string, spec: string, runsOn = 'r1', at = world): Promise<string> {
  const address = (revision: string): string => at.upstreams.get(revision)?.address ?? '';
  const file = join(at.folder, `${name}.yaml`);
  await writeFile(file, shopDocuments(address('r0'), { [name]: spec }));
  await serinJson(at, ['apply', '-f', file]);
  count += 1;
  const args = ['rollout', 'start', name, '--revision', `v${count}`, '--endpoints', address(runsOn)];
  return (await serinJson<RolloutBody>(at, args)).id;
}

/** Of one rollout, what its windows have said. */
const told = async (id: string, at = world) =>
  (await rolloutEvents(at, id)).filter(({ type }) => type === 'window').map(({ message }) => message);

it.concurrent(
  'a window that is shut keeps a prepared rollout from its first step, says until when, and lets a person end it',
  inTurn(async () => {
    // given: it opens in some hours, on whatever day that is
    const opensMs = Math.ceil((Date.now() + 6 * HOUR_MS) / MINUTE_MS) * MINUTE_MS;
    const shut = windows(`{ from: "${time(opensMs)}", to: "${time(opensMs + HOUR_MS)}" }`);
    const id = await started('shut', plan(STEPS, shut));
    const load = startLoad({
      ports: world.envoys.map(({ listenPort }) => listenPort),
      host: 'a',
      path: '/',
      rate: 100,
    });
    const waiting = await until(world, id, ({ waitingFor }) => waitingFor.startsWith('its window to open'));
    expect(waiting).toMatchObject({ phase: 'preparing', weight: 0, drill: { stage: 'proven' } });
    expect(waiting.waitingFor).toContain(isoOf(opensMs));
    expect(await told(id)).toEqual([expect.stringContaining('its windows are shut')]);
    // then: it goes back at any hour, and no request has met the canary
    expect((await serin(world, ['rollout', 'abort', id])).code).toBe(0);
    await until(world, id, ({ phase }) => phase === 'aborted');
    await load.stop();
    expect(load.samples.filter(({ status, servedBy }) => status !== 200 || servedBy !== 'r0')).toEqual([]);
  }),
  400_000,
);

it.concurrent(
  'a freeze wins over what is open: no first step, and its reason is told',
  inTurn(async () => {
    // given: always open, and frozen from yesterday until the day after tomorrow
    const freeze = `{ from: "${day(Date.now() - 24 * HOUR_MS)}", to: "${day(Date.now() + 48 * HOUR_MS)}", reason: end of year }`;
    const id = await started('frozen', plan(STEPS, windows('{}', freeze)));
    const waiting = await until(world, id, ({ waitingFor }) => waitingFor.startsWith('its window to open'));
    expect(waiting.waitingFor).toContain('end of year');
    expect(waiting.weight).toBe(0);
    expect(await told(id)).toEqual([expect.stringContaining('there is a freeze')]);
    expect((await serin(world, ['rollout', 'abort', id])).code).toBe(0);
    await until(world, id, ({ phase }) => phase === 'aborted');
  }),
  400_000,
);

it.concurrent(
  'a window that is open lets every step go on',
  inTurn(async () => {
    const from = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 6 * HOUR_MS;
    const open = windows(`{ from: "${time(from)}", to: "${time(from + 12 * HOUR_MS)}" }`);
    const id = await started('open', plan(STEPS, open));
    const done = await until(world, id, ({ phase }) => phase === 'promoted');
    expect(done.history.map(({ weight }) => weight)).toEqual([10, 50]);
    expect(await told(id)).toEqual([]);
  }),
  400_000,
);

it.concurrent('a window that shuts behind the first step holds the next with its traffic, and lets it go on when it opens', async () => {
  // given: open until a full minute that is far enough for the first step to begin, then shut for a minute
  const nowMs = Date.now();
  const minuteMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const shutMs = Math.ceil((nowMs + 30_000) / MINUTE_MS) * MINUTE_MS;
  const againMs = shutMs + MINUTE_MS;
  const open = windows(
    `{ from: "${time(minuteMs)}", to: "${time(shutMs)}" }, { from: "${time(againMs)}", to: "${time(againMs + 6 * HOUR_MS)}" }`,
  );
  // The hold ends while it is shut, wherever in its minute this began.
  const holdMs = shutMs + 5_000 - nowMs;
  const steps = `[{ weight: 10, hold: ${Math.ceil(holdMs / 1_000)}s }, { weight: 50, hold: 1s }]`;
  const id = await started('shuts', plan(steps, open), 'r1', other);
  const load = startLoad({ ports: other.envoys.map(({ listenPort }) => listenPort), host: 'a', path: '/', rate: 100 });
  await until(other, id, ({ weight, push }) => weight === 10 && push?.liveAt != null);
  const held = await until(other, id, ({ waitingFor }) => waitingFor.startsWith('its window to open'), 200_000);
  expect(held).toMatchObject({ phase: 'stepping', weight: 10, step: { index: 0 } });
  expect(held.waitingFor).toContain(isoOf(againMs));
  const done = await until(other, id, ({ phase }) => phase === 'promoted', 120_000);
  // then: it went on in the minute that opened, by the clock of the store
  expect(Date.parse(done.history[1]?.committedAt ?? '')).toBeGreaterThanOrEqual(againMs);
  expect(await told(id, other)).toEqual([
    expect.stringContaining('shut'),
    expect.stringContaining('the window is open'),
  ]);
  await load.stop();
  expect(load.samples.filter(({ status }) => status !== 200)).toEqual([]);
}, 400_000);

it.concurrent(
  'no window keeps a canary that fails: it goes back while all of them are shut',
  inTurn(async () => {
    // given: open until a full minute that is far enough for the first step to begin, and shut for a day behind it
    const nowMs = Date.now();
    const shutMs = Math.ceil((nowMs + 45_000) / MINUTE_MS) * MINUTE_MS;
    const open = windows(`{ from: "${time(shutMs - 3 * MINUTE_MS)}", to: "${time(shutMs)}" }`);
    const judged = 'analysis: [{ use: error-rate, with: { max: 0.05, minRequests: 20 } }], judge: { name: threshold }';
    const id = await started('fails', plan('[{ weight: 20, hold: 1h }, { weight: 50 }]', `${open}, ${judged}`), 'r2');
    const load = startLoad({
      ports: world.envoys.map(({ listenPort }) => listenPort),
      host: 'a',
      path: '/',
      rate: 100,
    });
    await until(world, id, ({ weight, push }) => weight === 20 && push?.liveAt != null);
    await waitFor(() => Date.now() > shutMs + 1_000, { timeoutMs: 120_000, what: 'the window to be shut' });
    // when: the canary fails in the night, and stable, which an earlier test has promoted, does not
    const canary = world.upstreams.get('r2');
    if (canary === undefined) throw new Error('there is no canary');
    canary.failShare = 1;
    const back = await until(world, id, ({ phase }) => phase === 'rolled_back');
    canary.failShare = 0;
    expect(back.cause).toMatchObject({ kind: 'analysis', step: 0 });
    const backMs = Date.now();
    await waitFor(() => load.samples.filter(({ sentAtMs }) => sentAtMs > backMs).length > 100, { what: 'traffic' });
    await load.stop();
    expect(load.samples.filter(({ sentAtMs, status }) => sentAtMs > backMs && status !== 200)).toEqual([]);
  }),
  400_000,
);
