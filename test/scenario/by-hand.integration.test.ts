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
import { type WebhookReceiver, webhookReceiver } from '../support/webhook-receiver.ts';

/** A person takes rollouts to other steps by hand, on two Envoys under traffic all the time. */
const undo: Undo[] = [];
let world: Installation;
let hook: WebhookReceiver;
let count = 0;

const STEPS =
  '[{ name: one, weight: 1, hold: 1h }, { name: gated, weight: 5, webhook: { target: checks, every: 1s, timeout: 500ms } }, { name: half, weight: 50, hold: 1h, approve: true }]';

beforeAll(async () => {
  hook = await webhookReceiver();
  undo.push(() => hook.close());
  world = await startInstallation({
    program: PROGRAM,
    mode: 'dev',
    envoys: 2,
    revisions: ['r0', 'r1', 'r2'],
    config: `hooks:\n  - { name: checks, url: "${hook.url}" }\n`,
    undo,
  });
  const file = join(world.folder, 'shop.yaml');
  const judged = 'analysis: [{ use: error-rate, with: { max: 0.05, minRequests: 20 } }], judge: { name: threshold }';
  await writeFile(
    file,
    shopDocuments(address('r0'), {
      plain: `strategy: { steps: ${STEPS} }, deadline: 3h, notify: [deploys]`,
      judged: `strategy: { steps: [{ weight: 10, hold: 1h }, { weight: 50, hold: 1h }] }, ${judged}, deadline: 3h, notify: [deploys]`,
    }),
  );
  await serinJson(world, ['apply', '-f', file]);
});
afterAll(() => undoAll(undo, () => {}));

function address(revision: string): string {
  return world.upstreams.get(revision)?.address ?? '';
}

async function start(plan: string, revision = 'r1'): Promise<string> {
  count += 1;
  const args = ['rollout', 'start', plan, '--revision', `v${count}`, '--endpoints', address(revision)];
  return (await serinJson<RolloutBody>(world, args)).id;
}

const by = (command: string, id: string, ...args: string[]) =>
  serin(world, ['rollout', command, id, '--reason', 'by hand', ...args]);
const isLive = (name: string) => (r: RolloutBody) => r.step?.name === name && r.push?.liveAt != null;

it('skips, jumps forward and back and opens a gate: every Envoy follows, and no request is lost', async () => {
  hook.fail(503, 1_000);
  const load = startLoad({
    ports: world.envoys.map(({ listenPort }) => listenPort),
    ...{ host: 'shop.example.com', path: '/', rate: 200 },
  });
  const id = await start('plain');
  const servedSince = (name: string, sinceMs: number) => {
    const seen = load.samples.filter(({ sentAtMs }) => sentAtMs > sinceMs);
    return { of: seen.length, share: seen.filter(({ servedBy }) => servedBy === name).length / seen.length };
  };
  await until(world, id, isLive('one'));

  // given: where requests would go at the step after the next
  const asked = ['route', 'explain', '--request', 'shop.example.com/', '--rollout', id];
  const chances = async (...at: string[]) =>
    (await serinJson<{ arms: readonly { revision: string; probability: number }[] }>(world, [...asked, ...at])).arms;
  expect(await chances()).toMatchObject([{ probability: 0.99 }, { revision: 'v1', probability: 0.01 }]);
  expect(await chances('--step', 'half')).toMatchObject([{ probability: 0.5 }, { revision: 'v1', probability: 0.5 }]);

  // when: the hold is skipped, and again the same, by somebody who has not seen that it moved on
  const { step } = await serinJson<RolloutBody>(world, ['rollout', 'get', id]);
  const seen = ['--gate', `${step?.index}/${step?.attempt}`];
  expect((await by('skip', id, ...seen)).code).toBe(0);
  expect(await by('skip', id, ...seen)).toMatchObject({ code: 8, stderr: expect.stringContaining('GATE_CONFLICT') });
  await until(world, id, (r) => isLive('gated')(r) && r.waitingFor.includes('HTTP 503'));

  // when: the hook is down, and its gate alone is opened
  expect((await by('approve', id, '--hook', 'checks')).code).toBe(0);
  await until(world, id, isLive('half'));
  const halfAtMs = Date.now();
  await waitFor(() => servedSince('r1', halfAtMs).of > 400, { what: 'traffic at half' });
  expect(servedSince('r1', halfAtMs).share).toBeGreaterThan(0.3);

  // when: that is too much while somebody looks, and it is paused besides
  expect((await by('pause', id)).code).toBe(0);
  expect((await by('jump', id, '--to', 'one')).code).toBe(0);
  const back = await until(world, id, isLive('one'));
  const backAtMs = Date.now();
  expect(back).toMatchObject({ weight: 1, paused: { reason: 'by hand' }, phase: 'stepping' });
  await waitFor(() => servedSince('r1', backAtMs).of > 400, { what: 'traffic at one percent' });
  expect(servedSince('r1', backAtMs).share).toBeLessThan(0.06);

  // then: forward only once it is resumed; the gates in between are named wherever people look
  expect(await by('jump', id, '--to', '3')).toMatchObject({ code: 8, stderr: expect.stringContaining('is paused') });
  expect((await serin(world, ['rollout', 'resume', id])).code).toBe(0);
  expect((await by('jump', id, '--to', '3')).code).toBe(0);
  const gates = ['its hold of 1h', 'step 2 (gated): hook checks'];
  expect(await until(world, id, isLive('half'))).toMatchObject({
    jumps: [{ to: 1 }, { from: 2, to: 0 }, { from: 0, to: 2, gates, reason: 'by hand' }],
    history: [{ step: 0 }, { step: 1 }, { step: 2 }, { step: 0 }, { step: 2 }],
  });
  const events = await rolloutEvents(world, id);
  expect(events.filter(({ type }) => type === 'jump').at(-1)?.message).toContain(gates.join(', '));
  const audit = await serinJson<{ entries: readonly { command: string; detail: string; result: string | null }[] }>(
    world,
    ['audit'],
  );
  const answered = audit.entries.filter(({ command, result }) => command === 'jump' && result === 'done');
  expect(answered.map(({ detail }) => detail)).toContainEqual(expect.stringContaining('step 2 (gated): hook checks'));
  await waitFor(() => world.receiver.messages.some(({ text }) => text.includes('goes to 50 % by hand')), {
    what: 'people to hear of it',
  });

  // when: the last step is skipped, all of it goes to the canary
  expect((await by('skip', id)).code).toBe(0);
  await until(world, id, ({ phase }) => phase === 'promoted');
  await load.stop();
  expect(load.samples.length).toBeGreaterThan(1_500);
  expect(load.samples.filter(({ status }) => status !== 200)).toEqual([]);
});

it('does not go on without evidence, however well it was measured before, unless it is forced', async () => {
  const load = startLoad({
    ports: world.envoys.map(({ listenPort }) => listenPort),
    ...{ host: 'shop.example.com', path: '/', rate: 100 },
  });
  const id = await start('judged', 'r2');
  await until(world, id, (r) => r.step?.index === 0 && r.verdicts.some(({ verdict }) => verdict === 'pass'));
  // when: it is measured well, a person goes on; then nobody measures any more
  expect((await by('skip', id)).code).toBe(0);
  await until(world, id, (r) => r.step?.index === 1 && r.push?.liveAt != null);
  await world.prometheus.kill();
  await until(world, id, (r) => r.verdicts.some(({ reason }) => ['SOURCE_DOWN', 'STALE', 'NO_DATA'].includes(reason)));
  expect(await by('skip', id)).toMatchObject({ code: 8, stderr: expect.stringContaining('SERIN_NOT_READY') });
  expect((await by('skip', id, '--force')).code).toBe(0);
  const done = await until(world, id, ({ phase }) => phase === 'promoted');
  expect(done.jumps.map(({ to }) => to)).toEqual([1, null]);
  await load.stop();
  expect(load.samples.filter(({ status }) => status !== 200)).toEqual([]);
});
