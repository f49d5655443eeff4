import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { rolloutEvents, serin, serinJson, until } from '../support/cli.ts';
import { REFUSED_PATTERN } from '../support/envoy-bootstrap.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { type Load, startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

const undo: Undo[] = [];
let world: Installation;
let load: Load;
let count = 0;

function plan(name: string, steps: string, analysis: boolean, more = ''): string {
  const judged =
    '  judge: { name: threshold }\n  analysis:\n    - use: error-rate\n      with: { max: 0.05, minRequests: 30 }\n';
  return `apiVersion: serin.dev/v1\nkind: Plan\nmetadata: { name: ${name} }\nspec:\n  backend: shop\n  strategy:\n    steps: ${steps}\n${analysis ? judged : ''}${more}  deadline: 10m\n  notify: [deploys]\n---\n`;
}

function documents(stable: string): string {
  return `${plan('quick', '[{ weight: 50 }]', false)}${plan('urgent', '[{ weight: 50 }]', false, '  onNewRevision: supersede\n')}${plan('patient', '[{ weight: 50 }]', false, '  onNewRevision: queue\n')}${plan('parked', '[{ weight: 10, approve: true }]', false)}${plan('held', '[{ weight: 10, hold: 3s }, { weight: 50, hold: 3s }]', false)}${plan(
    'judged',
    '[{ weight: 50 }]',
    true,
  )}${plan('gated', '[{ weight: 0, approve: true, matches: [{ headers: [{ name: x-tester, type: Present }] }] }]', false)}${plan(
    'refused',
    `[{ weight: 10, matches: [{ headers: [{ name: x-tester, type: RegularExpression, value: "${REFUSED_PATTERN}" }] }] }]`,
    false,
  )}apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: ["*"]
  rules: [{ name: all, backend: shop, timeout: 5s }]
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec:
  initial: { revision: r0, endpoints: { static: ["${stable}"] } }
`;
}

function address(revision: string): string {
  return world.upstreams.get(revision)?.address ?? '';
}

/** Starts a rollout of a fresh revision name that runs on one of the two upstreams. */
async function start(planName: string): Promise<string> {
  count += 1;
  const runsOn = count % 2 === 0 ? 'r0' : 'r1';
  const started = await serinJson<RolloutBody>(world, [
    ...['rollout', 'start', planName, '--revision', `v${count}`],
    ...['--endpoints', address(runsOn)],
  ]);
  return started.id;
}

beforeAll(async () => {
  world = await startInstallation({
    program: PROGRAM,
    mode: 'serve',
    envoys: 2,
    revisions: ['r0', 'r1'],
    undo,
  });
  const file = join(world.folder, 'shop.yaml');
  await writeFile(file, documents(address('r0')));
  await serinJson(world, ['apply', '-f', file]);
  load = startLoad({ ports: world.envoys.map(({ listenPort }) => listenPort), host: 'shop', path: '/', rate: 100 });
  undo.push(() => load.stop());
  await waitFor(() => load.samples.slice(-20).filter(({ status }) => status === 200).length === 20, {
    what: 'traffic',
  });
}, 120_000);

afterAll(async () => {
  await undoAll(undo, () => {});
});

describe('a rollout on real Envoys', () => {
  it('F1: a killed engine: another start of it goes on, and no step takes effect twice', {
    timeout: 120_000,
  }, async () => {
    const id = await start('held');
    await until(world, id, ({ step, push }) => step?.index === 0 && push?.liveAt != null);
    await world.serin.kill();
    await world.startSerin();
    const done = await until(world, id, ({ phase }) => phase === 'promoted');
    expect(done.history.map(({ step }) => step)).toEqual([0, 1]);
    const steps = (await rolloutEvents(world, id)).filter(({ type }) => type === 'step');
    expect(steps.map(({ message }) => message.slice(0, 11))).toEqual(['step 1 of 2', 'step 2 of 2', 'promotion: ']);
  });

  it('F29: a second rollout of the backend is a conflict that names the first', async () => {
    const id = await start('parked');
    const second = await serin(world, [
      'rollout',
      'start',
      'held',
      '--revision',
      'other',
      '--endpoints',
      address('r1'),
    ]);
    expect(second.code).toBe(8);
    expect(second.stderr).toContain(id);
    const aborted = await serin(world, ['rollout', 'abort', id, '--reason', 'enough']);
    expect(aborted.code).toBe(0);
    expect((await serin(world, ['rollout', 'wait', id])).code).toBe(4);
  });

  it('F29: a newer revision takes the place of one that rolls: no request is lost, also when the engine is killed', {
    timeout: 180_000,
  }, async () => {
    // given: 10 % of the requests at a revision that waits for a person
    const old = await start('parked');
    await until(world, old, ({ gate, push }) => gate !== null && push?.liveAt != null);
    const before = load.samples.length;
    // when: the engine is gone as soon as it has said yes
    count += 1;
    const endpoints = [address('r1')];
    const response = await fetch(`${world.server}/api/v1/rollouts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ plan: 'urgent', revision: `v${count}`, endpoints }),
    });
    await world.serin.kill();
    const hotfix = (await response.json()) as RolloutBody;
    expect(response.status).toBe(201);
    expect(hotfix).toMatchObject({ phase: 'pending', behind: old, waitingFor: `rollout ${old} of shop to end` });
    await world.startSerin();
    // then: it begins by itself
    const done = await until(world, hotfix.id, ({ phase }) => phase === 'promoted');
    expect(done).toMatchObject({ behind: null, cause: null, stable: expect.any(String) });
    expect((await serin(world, ['rollout', 'wait', old])).code).toBe(8);
    const replaced = await serinJson<RolloutBody>(world, ['rollout', 'get', old]);
    expect(replaced.cause).toMatchObject({ kind: 'superseded', summary: expect.stringContaining(hotfix.id) });
    const told = (await rolloutEvents(world, hotfix.id)).map(({ type }) => type);
    expect(told.slice(0, 2)).toEqual(['queued', 'started']);
    expect(load.samples.slice(before).filter(({ status }) => status !== 200)).toEqual([]);
    expect(load.samples.length).toBeGreaterThan(before + 100);
  });

  it('F29: it waits for the one that rolls, the newest alone', { timeout: 180_000 }, async () => {
    const running = await start('parked');
    const waiting = await start('patient');
    const newest = await start('patient');
    expect((await serin(world, ['rollout', 'wait', waiting])).code).toBe(8);
    const seen = await serinJson<RolloutBody>(world, ['rollout', 'get', newest]);
    expect(seen).toMatchObject({ phase: 'pending', behind: running, weight: 0 });
    await until(world, running, ({ gate, push }) => gate !== null && push?.liveAt != null);
    expect((await serin(world, ['rollout', 'promote', running])).code).toBe(0);
    expect((await serin(world, ['rollout', 'wait', newest])).code).toBe(0);
    expect((await serin(world, ['rollout', 'wait', running])).code).toBe(0);
  });

  it('F30/F31: a plan that is changed under its rollout changes nothing of it; on its way back nobody promotes it', {
    timeout: 120_000,
  }, async () => {
    const id = await start('gated');
    await until(world, id, ({ gate, push }) => gate !== null && push?.liveAt != null);
    const changed = join(world.folder, 'changed.yaml');
    await writeFile(changed, plan('gated', '[{ weight: 20 }, { weight: 90 }]', false).replace(/---\n$/, ''));
    await serinJson(world, ['apply', '-f', changed]);
    const kept = await serinJson<RolloutBody>(world, ['rollout', 'get', id]);
    await serinJson(world, ['apply', '-f', join(world.folder, 'shop.yaml')]);
    expect(kept).toMatchObject({ phase: 'stepping', weight: 0, step: { index: 0, of: 1 }, gate: { step: 0 } });
    expect((await serin(world, ['rollout', 'abort', id, '--reason', 'enough'])).code).toBe(0);
    expect((await serin(world, ['rollout', 'promote', id])).code).toBe(8);
    expect((await serin(world, ['rollout', 'wait', id])).code).toBe(4);
  });

  it('F28: one idempotency key starts one rollout, however often and at once it is used', async () => {
    const args = [
      'rollout',
      'start',
      'quick',
      '--revision',
      'once',
      '--endpoints',
      address('r1'),
      '--idempotency-key',
      'build-77',
    ];
    const started = await Promise.all([serinJson<RolloutBody>(world, args), serinJson<RolloutBody>(world, args)]);
    expect(started[0]?.id).toBe(started[1]?.id);
    await until(world, started[0]?.id ?? '', ({ phase }) => phase === 'promoted');
    expect((await serinJson<RolloutBody>(world, args)).id).toBe(started[0]?.id);
    const other = await serin(
      world,
      args.map((arg) => (arg === 'once' ? 'twice' : arg)),
    );
    expect(other.code).toBe(8);
  });

  it('an approval opens the gate that was seen, and no other', async () => {
    const id = await start('gated');
    const gated = await until(world, id, ({ gate, push }) => gate !== null && push?.liveAt != null);
    expect((await serin(world, ['rollout', 'approve', id, '--gate', '0/99'])).code).toBe(8);
    const shown = await serin(world, [
      'rollout',
      'approve',
      id,
      '--gate',
      `${gated.gate?.step}/${gated.gate?.attempt}`,
    ]);
    expect(shown.code).toBe(0);
    expect((await serin(world, ['rollout', 'wait', id, '--timeout', '30s'])).code).toBe(0);
  });

  it('F18: a route that Envoy refuses is taken back; Envoy and reason are named', async () => {
    const id = await start('refused');
    const done = await until(world, id, ({ phase }) => phase === 'rolled_back');
    expect(done.cause).toMatchObject({ kind: 'nack' });
    expect(done.cause?.node).toMatch(/^edge-/);
    expect(done.cause?.summary).toMatch(/refused the change: .*(program size|regex)/i);
    const next = await start('quick');
    await until(world, next, ({ phase }) => phase === 'promoted');
  });

  it('F9: dead Prometheus: the rollout holds, and goes on when it is back', { timeout: 120_000 }, async () => {
    await world.prometheus.kill();
    const id = await start('judged');
    const held = await until(world, id, ({ waitingFor }) => waitingFor.includes('SOURCE_DOWN'));
    expect(held.phase).toBe('preparing');
    await world.prometheus.restart();
    const stepping = await until(world, id, ({ phase, push }) => phase === 'stepping' && push?.liveAt != null);
    expect(stepping.cause).toBeNull();
    world.prometheus.signal('SIGSTOP');
    await until(world, id, ({ verdicts }) => verdicts.some(({ reason }) => reason === 'SOURCE_TIMEOUT')).finally(() =>
      world.prometheus.signal('SIGCONT'),
    );
    await until(world, id, ({ phase }) => phase === 'promoted');
  });

  it('F4/F5: dead Redis: Envoys go on serving, commands are told so, and the rollout goes on afterwards', {
    timeout: 120_000,
  }, async () => {
    const id = await start('held');
    await until(world, id, ({ step, push }) => step?.index === 0 && push?.liveAt != null);
    const before = load.samples.length;
    await world.redis?.kill();
    const told = await serin(world, ['rollout', 'abort', id]);
    expect(told.code).toBe(6);
    expect(told.stderr).toContain('SERIN_STORE_UNAVAILABLE');
    await waitFor(() => load.samples.length > before + 300, { what: 'three seconds of traffic without Redis' });
    await world.startRedis();
    const done = await until(world, id, ({ phase }) => phase === 'promoted');
    expect(done.history).toHaveLength(2);
    expect(load.samples.slice(before).filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('F16: an Envoy that is killed and comes back in mid-step gets the step, and counts again', {
    timeout: 120_000,
  }, async () => {
    const id = await start('held');
    await until(world, id, ({ step, push }) => step?.index === 0 && push?.liveAt != null);
    const [envoy] = world.envoys;
    await envoy?.kill();
    await until(world, id, ({ laggards }) => laggards.includes('edge-1'));
    await envoy?.start();
    const done = await until(world, id, ({ phase }) => phase === 'promoted');
    expect(done.cause).toBeNull();
  });

  it('F17: without any Envoy nothing begins, and with them it goes on', { timeout: 120_000 }, async () => {
    await Promise.all(world.envoys.map((envoy) => envoy.kill()));
    const id = await start('quick');
    const waits = await until(world, id, ({ waitingFor }) => waitingFor.includes('Envoy'));
    expect(waits).toMatchObject({ phase: 'pending', weight: 0 });
    await Promise.all(world.envoys.map((envoy) => envoy.start()));
    await until(world, id, ({ phase }) => phase === 'promoted');
  });

  it('F24: a receiver that was down hears how it ended, once, and in short what was before', {
    timeout: 120_000,
  }, async () => {
    world.receiver.status = 503;
    const another = async (what: string) => {
      const calls = world.receiver.calls();
      await waitFor(() => world.receiver.calls() > calls, { what });
    };
    const id = await start('quick');
    // Rollouts of before may have messages left: theirs wait, and come, beside ours.
    const named = new RegExp(`\\bv${count}\\b`);
    const ours = () => world.receiver.messages.filter(({ text }) => named.test(text.split('\n')[0] ?? ''));
    await another('a try that is refused');
    world.receiver.status = 307;
    // While the pauses between tries are short: each is twice the one before.
    await another('a try that is redirected');
    await until(world, id, ({ phase }) => phase === 'promoted');
    expect(ours()).toEqual([]);
    world.receiver.status = 200;
    await waitFor(() => ours().some(({ text }) => text.includes('is promoted')), {
      what: 'the last message',
      timeoutMs: 60_000,
    });
    const [message, ...more] = ours();
    expect(more).toEqual([]);
    expect(message?.text.split('\n')[0]).toMatch(/is promoted$/);
    expect(message?.text).toMatch(/2 earlier updates: .+ UTC .+ goes to 50 % .+ · .+ UTC .+ started/);
  });
});
