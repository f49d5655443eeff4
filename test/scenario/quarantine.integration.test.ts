import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { binaryPath } from '../support/binaries.ts';
import { serinJson } from '../support/cli.ts';
import { type Undo, undoAll } from '../support/installation.ts';
import { answers, freePort, type RunningProcess, startProcess, waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { openXdsClient, type XdsClient } from '../support/xds-client.ts';

const undo: Undo[] = [];
afterAll(() => undoAll(undo, () => {}));

const backend = (name: string) => `---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${name} }
spec: { initial: { revision: r0, endpoints: { static: ["127.0.0.1:1"] } } }
`;
const DOCUMENTS = `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec: { fleet: edge, hostnames: ["*"], rules: [{ name: all, backend: shop }] }
---
apiVersion: serin.dev/v1
kind: Route
metadata: { name: cart }
spec: { fleet: plain, hostnames: ["*"], rules: [{ name: all, backend: cart }] }
${backend('shop')}${backend('cart')}---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy: { steps: [{ weight: 5, hold: 10m }] }
  analysis: [{ use: error-rate }]
  deadline: 1h
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: cart }
spec: { backend: cart, strategy: { steps: [{ weight: 50, approve: true }] }, deadline: 1h }
`;

async function follow(client: XdsClient, type: 'cluster' | 'route', isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const response = await client.next(type).catch(() => null);
    if (response !== null) client.ack(response);
  }
}

it('F3: engines that die over one rollout set it aside; others go on, and a person can end it', {
  timeout: 150_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'serin-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const [redisPort, http, xds] = [await freePort(), await freePort(), await freePort()];
  const redis = await startProcess({
    command: binaryPath('valkey-server'),
    args: ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ready: (output) => output.includes('Ready to accept connections'),
  });
  undo.push(() => redis.kill());
  const config = join(folder, 'serin.yaml');
  await writeFile(
    config,
    `redis: { url: "redis://127.0.0.1:${redisPort}" }
http: { port: ${http} }
xds: { port: ${xds} }
prometheus: { url: "http://127.0.0.1:1" }
fleets: [{ name: edge, metrics: { nodeFrom: id } }, { name: plain }]
`,
  );
  const engine = { server: `http://127.0.0.1:${http}`, program: PROGRAM };
  // Asking Prometheus ends the engine; only one of the two rollouts is in a fleet with metrics.
  const start = () =>
    startProcess({
      command: process.execPath,
      args: [...PROGRAM, 'serve', '--config', config],
      env: { NODE_ENV: 'test', SERIN_CRASH_POINT: 'before-measure:1' },
    });
  const isUp = () => answers(`${engine.server}/readyz`);
  let running: RunningProcess = await start();
  let over = false;
  let deaths = 0;
  const supervised = (async () => {
    while (!over) {
      await running.ended;
      if (over) return;
      deaths += 1;
      running = await start();
    }
  })();
  undo.push(async () => {
    over = true;
    await running.kill();
    await supervised;
  });
  await waitFor(isUp, { what: 'the engine' });

  const connect = (fleet: string) => {
    const client = openXdsClient({ port: xds, node: { id: `${fleet}-1`, cluster: fleet } });
    client.request({ type: 'cluster' });
    client.request({ type: 'route', names: [fleet] });
    let gone = false;
    for (const type of ['cluster', 'route'] as const) void follow(client, type, () => over || gone);
    void client.ended.then(() => {
      gone = true;
      // As an Envoy does: it comes back.
      if (!over) setTimeout(connect, 200, fleet);
    });
    undo.push(async () => client.close());
  };
  for (const fleet of ['edge', 'plain']) connect(fleet);
  const file = join(folder, 'all.yaml');
  await writeFile(file, DOCUMENTS);
  await serinJson(engine, ['apply', '-f', file]);
  const begin = (plan: string) =>
    serinJson<RolloutBody>(engine, ['rollout', 'start', plan, '--revision', 'r1', '--endpoints', '127.0.0.1:2']);
  const other = await begin('cart');
  const poison = await begin('shop');
  const look = async (id: string) => {
    const response = await fetch(`${engine.server}/api/v1/rollouts/${id}`).catch(() => null);
    return response?.ok ? ((await response.json()) as RolloutBody) : null;
  };

  await waitFor(async () => (await look(poison.id))?.paused?.by === 'serin', {
    timeoutMs: 90_000,
    everyMs: 200,
    what: () => `the rollout to be set aside (${deaths} deaths): ${running.output().slice(-2_000)}`,
  });
  expect(deaths).toBeGreaterThanOrEqual(3);
  const held = await look(poison.id);
  expect(held).toMatchObject({ phase: 'preparing', weight: 0 });
  expect(held?.paused?.reason).toContain('set aside');
  const metrics = await (await fetch(`${engine.server}/metrics`)).text();
  expect(metrics).toContain('serin_rollout_events_total{type="quarantined"} 1');

  const diedBefore = deaths;
  await serinJson(engine, ['rollout', 'approve', other.id]);
  expect(await serinJson<RolloutBody>(engine, ['rollout', 'wait', other.id, '--timeout', '30s'])).toMatchObject({
    phase: 'promoted',
  });
  await serinJson(engine, ['rollout', 'abort', poison.id, '--reason', 'it crashes engines']);
  await waitFor(async () => (await look(poison.id))?.phase === 'aborted', { what: 'the way back' });
  expect(deaths).toBe(diedBefore);
});
