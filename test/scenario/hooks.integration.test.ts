import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { rolloutEvents, serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { shopDocuments } from '../support/shop-documents.ts';
import { type WebhookReceiver, webhookReceiver } from '../support/webhook-receiver.ts';

const undo: Undo[] = [];
let world: Installation;
let hook: WebhookReceiver;
let count = 0;

const plan = (webhook: string) =>
  `strategy: { steps: [{ weight: 10, webhook: { target: checks, every: 1s, ${webhook} } }, { weight: 50 }] }, deadline: 10m, notify: [deploys]`;

beforeAll(async () => {
  hook = await webhookReceiver();
  undo.push(() => hook.close());
  const config = `hooks:\n  - { name: checks, url: "${hook.url}" }\n`;
  world = await startInstallation({
    program: PROGRAM,
    mode: 'serve',
    envoys: 1,
    revisions: ['r0', 'r1'],
    config,
    undo,
  });
  const file = join(world.folder, 'shop.yaml');
  await writeFile(
    file,
    shopDocuments(address('r0'), {
      short: plan('timeout: 500ms, within: 2s'),
      patient: plan('timeout: 1m, within: 5m'),
      brisk: plan('timeout: 200ms, within: 5m'),
    }),
  );
  await serinJson(world, ['apply', '-f', file]);
});
afterAll(() => undoAll(undo, () => {}));

function address(revision: string): string {
  return world.upstreams.get(revision)?.address ?? '';
}

async function start(name: string): Promise<string> {
  count += 1;
  const args = ['rollout', 'start', name, '--revision', `v${count}`, '--endpoints', address('r1')];
  return (await serinJson<RolloutBody>(world, args)).id;
}

/** What arrived about this rollout, by key. */
const keysOf = (id: string): string[] =>
  hook.received.flatMap(({ headers, body }) => (body.includes(id) ? [String(headers['idempotency-key'])] : []));

it('F26: a hook that fails keeps the gate shut, and at the end of its time the rollout is back on stable', async () => {
  hook.fail(503, 1_000);
  const id = await start('short');
  const waiting = await until(world, id, ({ waitingFor }) => waitingFor.includes('HTTP 503'));
  expect(waiting).toMatchObject({ phase: 'stepping', weight: 10, waitingFor: expect.stringContaining('hook checks') });
  const done = await until(world, id, ({ phase }) => phase === 'rolled_back');
  expect(done.cause).toMatchObject({
    kind: 'deadline',
    summary: 'hook checks has not opened the gate within 2s (HTTP 503)',
  });
  expect(done.history.map(({ weight }) => weight)).toEqual([10]);
  const keys = keysOf(id);
  expect(keys.length).toBeGreaterThan(1);
  expect(keys).toEqual(keys.map((_, i) => `${id}-gate-1-${i + 1}`));
  await waitFor(() => world.receiver.messages.some(({ text }) => text.includes('waits for a hook (step 1 of 2)')), {
    what: 'people to hear of it',
  });
});

it('F26: while a hook hangs a person sends the rollout back, and the Envoys are there before it is heard of', async () => {
  hook.hang();
  const id = await start('patient');
  await waitFor(() => keysOf(id).length === 1, { what: 'the question' });
  expect((await serin(world, ['rollout', 'abort', id, '--reason', 'enough'])).code).toBe(0);
  const done = await until(world, id, ({ phase }) => phase === 'aborted', 5_000);
  expect(done.push?.ackMs).toBeLessThan(2_000);
  expect(keysOf(id)).toHaveLength(1);
});

it('F26: a hook that refuses the step sends the rollout back at once, in its words and without its address', async () => {
  const words = `p99 is 2 s, see ${hook.url}`;
  hook.answer((response) => void response.writeHead(200).end(JSON.stringify({ decision: 'reject', message: words })));
  const id = await start('brisk');
  const done = await until(world, id, ({ phase }) => phase === 'rolled_back');
  expect(done.cause).toMatchObject({
    kind: 'hook',
    summary: 'hook checks refuses the step: HTTP 200: p99 is 2 s, see [redacted]',
  });
});

it('F26: an engine that is killed while it asks: the same is asked again, and its answer lets one step follow', async () => {
  hook.hang();
  const id = await start('brisk');
  await waitFor(() => keysOf(id).length === 1, { what: 'the question' });
  await world.serin.kill();
  hook.fail(403, 1);
  await world.startSerin();
  const done = await until(world, id, ({ phase }) => phase === 'promoted');
  expect(keysOf(id)).toEqual([`${id}-gate-1-1`, `${id}-gate-1-1`, `${id}-gate-1-2`]);
  expect(done.history.map(({ step }) => step)).toEqual([0, 1]);
  const events = await rolloutEvents(world, id);
  expect(events.filter(({ type }) => type === 'gate').map(({ message }) => message)).toEqual([
    'hook checks keeps the gate shut: HTTP 403',
    'hook checks opens the gate: HTTP 200',
  ]);
  expect(events.filter(({ type }) => type === 'step').map(({ message }) => message.slice(0, 11))).toEqual([
    ...['step 1 of 2', 'step 2 of 2', 'promotion: '],
  ]);
});
