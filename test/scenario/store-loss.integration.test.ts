import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReconciledBody, RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { rolloutEvents, serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { type Load, startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { shopDocuments } from '../support/shop-documents.ts';

const undo: Undo[] = [];
let world: Installation;
let load: Load;

const address = (revision: string) => world.upstreams.get(revision)?.address ?? '';

const documents = () =>
  shopDocuments(address('r0'), {
    shop: 'strategy: { steps: [{ weight: 10, approve: true }, { weight: 50, approve: true }] }, deadline: 1h, notify: [deploys]',
  });

beforeAll(async () => {
  world = await startInstallation({
    program: PROGRAM,
    mode: 'serve',
    envoys: 2,
    revisions: ['r0', 'r1'],
    undo,
  });
  const file = join(world.folder, 'shop.yaml');
  await writeFile(file, documents());
  await serinJson(world, ['apply', '-f', file]);
  load = startLoad({ ports: world.envoys.map(({ listenPort }) => listenPort), host: 'shop', path: '/', rate: 50 });
  undo.push(() => load.stop());
}, 120_000);

afterAll(async () => {
  await undoAll(undo, () => {});
});

const aof = () => join(world.folder, 'appendonlydir');

async function start(revision: string): Promise<string> {
  const args = ['rollout', 'start', 'shop', '--revision', revision, '--endpoints', address('r1')];
  return (await serinJson<RolloutBody>(world, args)).id;
}

const live = (step: number) => (rollout: RolloutBody) => rollout.step?.index === step && rollout.push?.liveAt != null;

async function regressed(): Promise<boolean> {
  const text = await fetch(`${world.server}/metrics`).then((response) => response.text());
  return /^serin_store_regressed 1$/m.test(text);
}

/** Redis comes back with what `change` makes of its data. */
async function restartRedis(change: () => Promise<void>): Promise<void> {
  await world.redis?.kill();
  await change();
  await world.startRedis();
  await waitFor(regressed, { what: 'the freeze' });
}

/** What an Envoy was given, as often as it was given something else; how long that took belongs to Envoy's last seconds alone. */
async function tables(): Promise<readonly string[]> {
  const stats = await Promise.all(
    world.envoys.map(({ adminPort }) =>
      fetch(`http://127.0.0.1:${adminPort}/stats?filter=ingress.rds|cluster_manager.cds`),
    ),
  );
  const texts = await Promise.all(stats.map((answer) => answer.text()));
  return texts.map((text) => text.replaceAll(/^.*\.update_duration: .*$/gm, ''));
}

describe('Redis comes back', () => {
  it('with an older copy: replayed, the rollout goes on by itself, and nothing happens twice', {
    timeout: 120_000,
  }, async () => {
    // given a rollout at its second step, and a copy of the first
    const id = await start('v0');
    await until(world, id, live(0));
    await cp(aof(), `${aof()}.old`, { recursive: true });
    expect((await serin(world, ['rollout', 'approve', id])).code).toBe(0);
    const before = await until(world, id, live(1));
    const events = await rolloutEvents(world, id);
    const given = await tables();
    const requests = load.samples.length;
    await restartRedis(async () => {
      await rm(aof(), { recursive: true });
      await cp(`${aof()}.old`, aof(), { recursive: true });
    });
    await rm(`${aof()}.old`, { recursive: true });
    // when
    const done = await serinJson<ReconciledBody>(world, ['store', 'reconcile', '--replay']);
    // then
    expect(done).toMatchObject({
      mode: 'replay',
      backends: [{ backend: 'shop', summary: expect.stringContaining('step 2') }],
    });
    expect(await serinJson<RolloutBody>(world, ['rollout', 'get', id])).toMatchObject({
      ...{ phase: before.phase, step: before.step, weight: 50, paused: null, push: before.push },
    });
    expect((await rolloutEvents(world, id)).slice(0, events.length)).toEqual(events);
    expect((await serin(world, ['store', 'verify', '--config', join(world.folder, 'serin.yaml')])).code).toBe(0);
    expect(await tables()).toEqual(given);
    const { gate } = await until(world, id, ({ gate }) => gate !== null);
    await serin(world, ['rollout', 'approve', id, '--gate', `${gate?.step}/${gate?.attempt}`]);
    await until(world, id, ({ phase }) => phase === 'promoted');
    await waitFor(() => world.receiver.messages.some(({ text }) => text.includes('promoted')), { what: 'the message' });
    const texts = new Map<string, Set<string>>();
    for (const { id: about, text } of world.receiver.messages)
      texts.set(text, new Set([...(texts.get(text) ?? []), about]));
    // A message that was delivered before the loss may come again, as the same one.
    expect([...texts.values()].filter((ids) => ids.size > 1)).toEqual([]);
    expect(load.samples.slice(requests).filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('with an older copy: nothing moves; adopted, the rollout goes on where the Envoys are', {
    timeout: 120_000,
  }, async () => {
    // given a rollout at its second step, and a copy of the first
    const id = await start('v1');
    await until(world, id, live(0));
    await cp(aof(), `${aof()}.old`, { recursive: true });
    expect((await serin(world, ['rollout', 'approve', id])).code).toBe(0);
    await until(world, id, live(1));
    const before = load.samples.length;
    // when
    await restartRedis(async () => {
      await rm(aof(), { recursive: true });
      await cp(`${aof()}.old`, aof(), { recursive: true });
    });
    // then
    const refused = await serin(world, ['rollout', 'abort', id]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('SERIN_STORE_REGRESSED');
    await waitFor(() => world.receiver.messages.some(({ text }) => text.includes('stands still')), {
      what: 'the message',
    });
    const done = await serinJson<ReconciledBody>(world, ['store', 'reconcile', '--adopt']);
    expect(done.backends).toEqual([{ backend: 'shop', summary: expect.stringContaining('step 2') }]);
    const adopted = await until(world, id, live(1));
    expect(adopted).toMatchObject({ weight: 50, paused: { by: 'local' } });
    await serin(world, ['rollout', 'resume', id]);
    const gated = await until(world, id, ({ gate, push }) => gate !== null && push?.liveAt != null);
    await serin(world, ['rollout', 'approve', id, '--gate', `${gated.gate?.step}/${gated.gate?.attempt}`]);
    await until(world, id, ({ phase }) => phase === 'promoted');
    expect(load.samples.slice(before).filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('empty: also an engine that starts then serves nothing; restored and sent to stable, it works', {
    timeout: 120_000,
  }, async () => {
    const backup = join(world.folder, 'backup.jsonl');
    const config = ['--config', join(world.folder, 'serin.yaml')];
    expect((await serin(world, ['store', 'export', ...config, '-f', backup])).code).toBe(0);
    const id = await start('v2');
    await until(world, id, live(0));
    const before = load.samples.length;
    await restartRedis(() => rm(aof(), { recursive: true }));
    // One that remembers nothing must not make the empty store the truth.
    await world.serin.kill();
    await world.startSerin('/livez');
    await waitFor(regressed, { what: 'the freeze, again' });
    expect((await serin(world, ['store', 'reconcile', '--stable'])).stderr).toContain('SERIN_NOT_READY');
    expect((await serin(world, ['store', 'import', ...config, '-f', backup, '--replace'])).code).toBe(0);
    // It has seen no store before, so the imported one is as good as any.
    await waitFor(async () => (await serin(world, ['rollout', 'list'])).stdout.includes('v1'), { what: 'the import' });
    await waitFor(async () => !(await regressed()), { what: 'the end of the freeze' });
    const next = await start('v3');
    await until(world, next, live(0));
    await serin(world, ['rollout', 'abort', next]);
    await until(world, next, ({ phase }) => phase === 'aborted');
    expect(load.samples.slice(before).filter(({ status }) => status !== 200)).toEqual([]);
  });
});
