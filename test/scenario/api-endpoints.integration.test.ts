import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EndpointsBody } from '../../src/surfaces/api/endpoints-schemas.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

/** Hosts that the API tells, on a state-of-the-world and a delta Envoy, under traffic all the time. */
const undo: Undo[] = [];
let world: Installation;

const documents = (backend: string, healthCheck: string) => `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${backend} }
spec: { fleet: edge, hostnames: ["${backend}.test"], rules: [{ name: all, backend: ${backend}, timeout: 5s }] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${backend} }
spec: { endpoints: { api: {} }, initial: v1${healthCheck} }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${backend} }
spec: { backend: ${backend}, strategy: { steps: [{ name: half, weight: 50, hold: 1h }] }, deadline: 3h }
`;

beforeAll(async () => {
  world = await startInstallation({
    program: PROGRAM,
    mode: 'dev',
    envoys: ['sotw', 'delta'],
    revisions: ['a', 'b', 'c'],
    undo,
  });
  const file = join(world.folder, 'shops.yaml');
  const checked = ', healthCheck: { path: /healthz, interval: 100ms }';
  await writeFile(file, `${documents('plain', '')}---\n${documents('checked', checked)}`);
  await serinJson(world, ['apply', '-f', file]);
});
afterAll(() => undoAll(undo, () => {}));

const address = (name: string): string => world.upstreams.get(name)?.address ?? '';

const tell = (backend: string, revision: string, ...names: string[]) =>
  serinJson<EndpointsBody>(world, [
    ...['backend', 'endpoints', 'set', backend, '--revision', revision],
    ...names.map(address),
  ]);

const load = (backend: string) =>
  startLoad({
    ports: world.envoys.map(({ listenPort }) => listenPort),
    ...{ host: `${backend}.test`, path: '/', rate: 200 },
  });

/** Both Envoys send requests of this backend to these services and no other. */
async function servedBy(running: ReturnType<typeof load>, ...names: string[]): Promise<void> {
  await waitFor(
    async () => {
      const last = running.samples.slice(-100);
      const seen = new Set(last.map((sample) => sample.servedBy));
      return last.length === 100 && [...seen].toSorted().join() === names.toSorted().join();
    },
    { what: `requests at ${names.join(' and ')} alone` },
  );
}

const lost = (running: ReturnType<typeof load>) => running.samples.filter(({ status }) => status !== 200);

const counted = async (cluster: string): Promise<number> => {
  const [envoy] = world.envoys;
  const text = await (
    await fetch(`http://127.0.0.1:${envoy?.adminPort}/stats?filter=^cluster.${cluster}.upstream_rq_completed`)
  ).text();
  return Number(/: (\d+)/.exec(text)?.[1] ?? Number.NaN);
};

const clusterOf = async (backend: string): Promise<string> => {
  const [envoy] = world.envoys;
  const text = await (await fetch(`http://127.0.0.1:${envoy?.adminPort}/clusters`)).text();
  return new RegExp(`^(${backend}--v1-[0-9a-f]{8})::`, 'm').exec(text)?.[1] ?? '';
};

it('hosts move without a lost request, and the counters of their cluster count on', async () => {
  await tell('plain', 'v1', 'a');
  await answering('plain.test');
  const running = load('plain');
  await servedBy(running, 'a');
  const cluster = await clusterOf('plain');
  const before = await counted(cluster);
  expect(before).toBeGreaterThan(0);

  // when: they move at once, from one service to another, to and fro
  for (const name of ['b', 'c', 'a', 'b']) {
    await tell('plain', 'v1', name);
    await servedBy(running, name);
  }
  await running.stop();

  // then
  expect(running.samples.length).toBeGreaterThan(500);
  expect(lost(running)).toEqual([]);
  expect(await clusterOf('plain')).toBe(cluster);
  expect(await counted(cluster)).toBeGreaterThan(before);
});

it('with health checks a new host is taken beside the old one first, then alone', async () => {
  await tell('checked', 'v1', 'a');
  await answering('checked.test');
  const running = load('checked');
  await servedBy(running, 'a');
  await tell('checked', 'v1', 'a', 'b');
  await servedBy(running, 'a', 'b');
  await tell('checked', 'v1', 'b');
  await servedBy(running, 'b');
  await running.stop();
  expect(lost(running)).toEqual([]);
});

it('with health checks, an exchange of all hosts at once is warned of, and is over with the first check', async () => {
  await tell('checked', 'v1', 'a');
  await answering('checked.test');
  const running = load('checked');
  await servedBy(running, 'a');
  for (const name of ['b', 'c', 'a', 'b']) {
    const told = await tell('checked', 'v1', name);
    expect(told.warning).toContain('no host of revision v1 has stayed');
    await servedBy(running, name);
  }
  await running.stop();
  // By Envoy's defaults what a check finds counts a second later: two hundred requests each time.
  expect(lost(running).length).toBeLessThan(100);
});

it('a rollout waits for the hosts of its revision; those of the canary move while it has requests', async () => {
  await tell('plain', 'v1', 'a');
  const running = load('plain');
  await servedBy(running, 'a');
  const { id } = await serinJson<RolloutBody>(world, ['rollout', 'start', 'plain', '--revision', 'v2']);
  await until(world, id, ({ waitingFor }) =>
    waitingFor.startsWith('endpoints of revision v2 of plain (`serin backend endpoints set plain --revision v2'),
  );
  await tell('plain', 'v2', 'b');
  const stepped = await until(world, id, ({ phase, push }) => phase === 'stepping' && push?.liveAt != null);
  await servedBy(running, 'a', 'b');
  await tell('plain', 'v2', 'c');
  await servedBy(running, 'a', 'c');
  const still = await serinJson<RolloutBody>(world, ['rollout', 'get', id]);
  expect(still).toMatchObject({ phase: 'stepping', step: stepped.step, push: stepped.push });

  // none at all: refused while it has requests
  const none = await serin(world, ['backend', 'endpoints', 'set', 'plain', '--revision', 'v2', '--none']);
  expect(none).toMatchObject({ code: 8, stderr: expect.stringContaining('SERIN_IN_USE') });
  expect((await serin(world, ['rollout', 'abort', id])).code).toBe(0);
  await servedBy(running, 'a');
  await running.stop();
  expect(lost(running)).toEqual([]);
});

async function answering(host: string): Promise<void> {
  await waitFor(
    async () => {
      const codes = await Promise.all(world.envoys.map(({ listenPort }) => statusOf(listenPort, host)));
      return codes.every((code) => code === 200);
    },
    { what: 'the first host to answer' },
  );
}

function statusOf(port: number, host: string): Promise<number> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once('error', () => resolve(0));
  });
}
