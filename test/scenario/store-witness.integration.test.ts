import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReconciledBody, RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { shopDocuments } from '../support/shop-documents.ts';

const undo: Undo[] = [];
let world: Installation;
let data: string;

const address = (revision: string) => world.upstreams.get(revision)?.address ?? '';
const aof = () => join(world.folder, 'appendonlydir');

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'serin-data-'));
  undo.push(() => rm(data, { recursive: true, force: true }));
  world = await startInstallation({
    program: PROGRAM,
    mode: 'serve',
    envoys: 1,
    config: `data: { folder: "${data}" }\n`,
    revisions: ['r0', 'r1'],
    undo,
  });
  const file = join(world.folder, 'shop.yaml');
  await writeFile(
    file,
    shopDocuments(address('r0'), {
      shop: 'strategy: { steps: [{ weight: 10, approve: true }, { weight: 50, approve: true }] }, deadline: 1h',
    }),
  );
  await serinJson(world, ['apply', '-f', file]);
}, 120_000);

afterAll(async () => {
  await undoAll(undo, () => {});
});

/** Commits, as Redis has them and as the witness has seen them. */
async function committed(): Promise<number> {
  const [, url = ''] = /redis: \{ url: "([^"]+)"/.exec(await readFile(join(world.folder, 'serin.yaml'), 'utf8')) ?? [];
  const redis = new Redis(url);
  const n = Number(await redis.hget('{serin}:head', 'n'));
  redis.disconnect();
  return n;
}
async function remembered(): Promise<number> {
  return (JSON.parse((await readFile(join(data, 'witness'), 'utf8')).slice(17)) as { n: number }).n;
}

/** The last commit that is on the engine's disk: after the witness that has seen it, which is written apart. */
async function kept(): Promise<number> {
  const numbers = (await readFile(join(data, 'tail'), 'latin1')).matchAll(/^\[(\d+),"/gm);
  return Math.max(0, ...[...numbers].map(([, n]) => Number(n)));
}

/** Weights, as the Envoy says itself. */
async function weight(): Promise<string> {
  const port = world.envoys[0]?.adminPort;
  const dump = await fetch(`http://127.0.0.1:${port}/config_dump?resource=dynamic_route_configs`);
  return [...(await dump.text()).matchAll(/"weight": (\d+)/g)].map(([, n]) => n).join();
}

/** Engine and store die, and both come back, the store as it was when it was copied. */
async function restartTogether(): Promise<void> {
  await world.serin.kill();
  await world.redis?.kill();
  await rm(aof(), { recursive: true });
  await cp(`${aof()}.old`, aof(), { recursive: true });
  await world.startRedis();
  await world.startSerin('/livez');
  await waitFor(async () => /^serin_store_regressed 1$/m.test(await (await fetch(`${world.server}/metrics`)).text()), {
    what: 'the freeze',
  });
}

it('F6: engine and store restarted together on an older copy: it is noticed, and the Envoy keeps what it has', {
  timeout: 120_000,
}, async () => {
  // given a rollout at its second step, a copy of the first, and a witness that has seen more
  const args = ['rollout', 'start', 'shop', '--revision', 'v1', '--endpoints', address('r1')];
  const { id } = await serinJson<RolloutBody>(world, args);
  await until(world, id, ({ step, push }) => step?.index === 0 && push?.liveAt != null);
  await cp(aof(), `${aof()}.old`, { recursive: true });
  const copied = await committed();
  await serin(world, ['rollout', 'approve', id]);
  await until(world, id, ({ step, push }) => step?.index === 1 && push?.liveAt != null);
  await waitFor(async () => (await remembered()) > copied, { what: 'the witness' });
  const seen = await remembered();
  await waitFor(async () => (await kept()) >= Math.max(seen, await committed()), { what: 'the commits on disk' });
  expect(await weight()).toBe('5000,5000');
  await restartTogether();
  expect((await serin(world, ['rollout', 'abort', id])).stderr).toContain('SERIN_STORE_REGRESSED');
  expect(await weight()).toBe('5000,5000');
  // What it had kept is on its disk.
  expect(await serinJson<ReconciledBody>(world, ['store', 'reconcile', '--replay'])).toMatchObject({ mode: 'replay' });
  const replayed = await until(world, id, ({ step, push }) => step?.index === 1 && push?.liveAt != null);
  expect(replayed).toMatchObject({ weight: 50, paused: null });
  expect(await weight()).toBe('5000,5000');
  // Once more, and this time everything goes to stable.
  await restartTogether();
  expect(await weight()).toBe('5000,5000');
  await serinJson(world, ['store', 'reconcile', '--stable']);
  await until(world, id, ({ phase }) => phase === 'aborted');
  await waitFor(async () => (await weight()) === '10000', { what: 'stable' });
});

it('F6: a witness of another store freezes nothing there: the engine does not start, and names the file', {
  timeout: 60_000,
}, async () => {
  await world.serin.stop();
  const path = join(data, 'witness');
  const kept = await readFile(path, 'utf8');
  const { checkedLine } = await import('../../src/adapters/disk/checked-line.ts');
  await writeFile(path, checkedLine({ ...(JSON.parse(kept.slice(17)) as object), store: 'elsewhere:6379/0' }));
  const refused = await serin(world, ['serve', '--config', join(world.folder, 'serin.yaml')]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(path)]);
  await writeFile(path, kept);
  await world.startSerin();
});
