import { mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmergencyBody } from '../../src/surfaces/api/emergency-schemas.ts';
import type { AuditPage, RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { type Load, startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { shopDocuments } from '../support/shop-documents.ts';

const undo: Undo[] = [];
let world: Installation;
let load: Load;
let data: string;

const address = (revision: string) => world.upstreams.get(revision)?.address ?? '';

const documents = () =>
  shopDocuments(address('r0'), { shop: 'strategy: { steps: [{ weight: 50, approve: true }] }, deadline: 1h' });

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'serin-data-'));
  undo.push(() => rm(data, { recursive: true, force: true }));
  world = await startInstallation({
    program: PROGRAM,
    mode: 'serve',
    envoys: ['sotw', 'delta'],
    config: `data: { folder: "${data}" }\n`,
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

/** Clusters that the routes of each Envoy name, as it says itself. */
async function routed(): Promise<readonly (readonly string[])[]> {
  return Promise.all(
    world.envoys.map(async ({ adminPort }) => {
      const url = `http://127.0.0.1:${adminPort}/config_dump?resource=dynamic_route_configs`;
      const text = await (await fetch(url)).text();
      const clusters = [...text.matchAll(/"(?:cluster|name)": "(shop--[^"]+)"/g)].map(([, name = '']) => name);
      return [...new Set(clusters)].sort();
    }),
  );
}

/** At 50 %, on every Envoy. */
async function halfway(revision: string): Promise<string> {
  const args = ['rollout', 'start', 'shop', '--revision', revision, '--endpoints', address('r1')];
  const { id } = await serinJson<RolloutBody>(world, args);
  await until(world, id, ({ step, push }) => step?.index === 0 && push?.liveAt != null);
  expect((await routed()).map((clusters) => clusters.length)).toEqual([2, 2]);
  return id;
}

interface Asked {
  readonly replicas: readonly { readonly replica: string | null; readonly answer?: EmergencyBody }[];
}
const stable = () => ['emergency', 'stable', 'shop', '--reason', 'it burns', '--replica', world.server];

describe('Redis is away and the canary burns', () => {
  it('F5: an emergency sends every Envoy to stable, and ends the rollout as aborted when Redis is back', {
    timeout: 120_000,
  }, async () => {
    const id = await halfway('v1');
    const refused = await serin(world, stable());
    expect([refused.code, refused.stderr]).toEqual([8, expect.stringContaining(`serin rollout abort ${id}`)]);
    expect((await routed()).map((clusters) => clusters.length)).toEqual([2, 2]);
    // when
    await world.redis?.kill();
    expect((await serin(world, ['rollout', 'abort', id])).code).toBe(6);
    const asked = await serin(world, stable());
    // then
    expect(asked.code).toBe(0);
    const answer = (JSON.parse(asked.stdout) as Asked).replicas[0]?.answer;
    expect(answer).toMatchObject({ backend: 'shop', by: 'local', durable: true, held: null });
    expect(answer?.fleets).toEqual([
      {
        fleet: 'edge',
        confirmed: { count: 2, names: ['edge-1', 'edge-2'] },
        unconfirmed: { count: 0, names: [] },
        elsewhere: { count: 0, names: [] },
      },
    ]);
    expect(await routed()).toEqual([[answer?.cluster], [answer?.cluster]]);
    expect((await stat(join(data, 'emergency.jsonl'))).mode & 0o777).toBe(0o600);
    const before = load.samples.length;
    await waitFor(() => load.samples.length > before + 50, { what: 'traffic' });
    const served = load.samples.slice(before + 10);
    expect(served.filter(({ status }) => status !== 200)).toEqual([]);
    await world.startRedis();
    const ended = await until(world, id, ({ phase }) => phase === 'aborted');
    expect(ended.cause).toMatchObject({ kind: 'person', by: 'local', summary: expect.stringContaining('it burns') });
    await waitFor(
      async () =>
        (await serinJson<{ replicas: { answer: { emergencies: unknown[] } }[] }>(world, ['emergency', 'list']))
          .replicas[0]?.answer.emergencies.length === 0,
      { what: 'the end of the emergency' },
    );
    expect((await routed()).map((clusters) => clusters.length)).toEqual([1, 1]);
    const { entries } = await serinJson<AuditPage>(world, ['audit']);
    const lines = entries.filter(({ command, target }) => command === 'emergency' && target === 'backend/shop');
    expect(lines.map(({ stage, by, result }) => [stage, by, result]).slice(-2)).toEqual([
      ['asked', 'local', null],
      ['answered', 'local', 'done'],
    ]);
    expect(await readFile(join(data, 'emergency.jsonl'), 'utf8')).toContain(`rollout ${id} aborted`);
  });

  it('F5: the replica dies meanwhile: without Redis it serves nothing, Envoys keep stable, and the journal holds', {
    timeout: 120_000,
  }, async () => {
    const id = await halfway('v2');
    await world.redis?.kill();
    expect((await serin(world, stable())).code).toBe(0);
    await world.serin.kill();
    await expect(world.startSerin('/livez')).rejects.toThrow();
    expect((await routed()).map((clusters) => clusters.length)).toEqual([1, 1]);
    await world.startRedis();
    await world.startSerin();
    await until(world, id, ({ phase }) => phase === 'aborted');
    expect((await routed()).map((clusters) => clusters.length)).toEqual([1, 1]);
  });

  it('F32: with a full disk the Envoys go to stable all the same, the answer says so, and nothing crashes', {
    timeout: 120_000,
  }, async () => {
    const id = await halfway('v3');
    const journal = join(data, 'emergency.jsonl');
    await rename(journal, `${journal}.kept`);
    await symlink('/dev/full', journal);
    await world.redis?.kill();
    const asked = await serin(world, stable());
    expect(asked.code).toBe(0);
    expect((JSON.parse(asked.stdout) as Asked).replicas[0]?.answer).toMatchObject({
      durable: false,
      notDurableBecause: 'the disk is full',
    });
    expect((await routed()).map((clusters) => clusters.length)).toEqual([1, 1]);
    const metrics = await (await fetch(`${world.server}/metrics`)).text();
    expect(metrics).toMatch(/^serin_emergencies\{state="volatile"\} 1$/m);
    expect(metrics).toMatch(/^serin_file_failures_total\{file="emergency"\} [1-9]/m);
    await rm(journal);
    await waitFor(async () => (await readFile(journal, 'utf8').catch(() => '')).includes('"decided"'), {
      what: 'the journal, now that there is room',
    });
    await world.startRedis();
    await until(world, id, ({ phase }) => phase === 'aborted');
  });
});
