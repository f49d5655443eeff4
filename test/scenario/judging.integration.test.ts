import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isTerminal } from '../../src/core/model/phase.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import type { VerdictPoint } from '../../src/surfaces/api/verdict-schemas.ts';
import { explainLines } from '../../src/surfaces/cli/explain.ts';
import { serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { type Load, startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

/** Two real Envoys, a real Prometheus that scrapes them every second, and the judge that compares with stable. */
const undo: Undo[] = [];
let world: Installation;
let load: Load;

const address = (revision: string): string => world.upstreams.get(revision)?.address ?? '';

beforeAll(async () => {
  world = await startInstallation({
    program: PROGRAM,
    mode: 'dev',
    envoys: 2,
    revisions: ['v1', 'v2', 'v3', 'v4', 'v5'],
    undo,
  });
  const documents = join(world.folder, 'shop.yaml');
  await writeFile(
    documents,
    `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules: [{ name: all, matches: [{ path: { type: PathPrefix, value: / } }], backend: shop, timeout: 5s }]
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec:
  healthCheck: { path: /healthz, interval: 1s }
  initial: { revision: v1, endpoints: { static: ["${address('v1')}"] } }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy: { steps: [{ weight: 20, hold: 5s }, { weight: 50, hold: 5s }] }
  judge: { name: sequential }
  analysis: [{ use: error-rate }, { use: latency, with: { objective: 500ms } }]
  deadline: 10m
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: baked }
spec:
  backend: shop
  strategy: { use: instant, with: { bake: 25s } }
  analysis: [{ use: error-rate }, { use: latency, with: { objective: 500ms } }]
  deadline: 10m
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: by-hand }
spec:
  backend: shop
  strategy: { use: manual, with: { weights: [50], hold: 0s } }
  deadline: 10m
`,
  );
  await serinJson(world, ['apply', '-f', documents]);
  load = startLoad({
    ports: world.envoys.map(({ listenPort }) => listenPort),
    host: 'shop.example.com',
    path: '/checkout',
    rate: 600,
  });
  undo.push(() => load.stop());
  const fromV1 = () => load.samples.slice(-100).filter(({ servedBy }) => servedBy === 'v1').length === 100;
  await waitFor(fromV1, { what: 'v1 to answer all requests' });
}, 60_000);

afterAll(() => undoAll(undo, () => {}), 30_000);

async function start(revision: string, plan = 'shop'): Promise<string> {
  const args = ['rollout', 'start', plan, '--revision', revision, '--endpoints', address(revision)];
  return (await serinJson<RolloutBody>(world, args)).id;
}

it('promotes a good canary when a regression would have been seen, and on nothing less', async () => {
  const id = await start('v2');
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 150_000);
  expect([ended.phase, ended.cause?.summary ?? '']).toEqual(['promoted', '']);
}, 160_000);

it('sends back one that fails where stable does not, and says how sure it is', async () => {
  const upstream = world.upstreams.get('v3');
  if (upstream === undefined) throw new Error('no v3');
  upstream.failShare = 0.1;
  const id = await start('v3');
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 90_000);
  expect(ended.phase).toBe('rolled_back');
  expect(ended.cause?.verdict).toMatchObject({ metric: 'error-rate', reason: 'WORSE_THAN_STABLE' });
  expect(ended.cause?.summary).toMatch(/^error-rate: \d+ of \d+ requests, stable 0 of \d+; evidence of harm/);
}, 100_000);

it('can tell why', async () => {
  const [last] = (await serinJson<{ rollouts: RolloutBody[] }>(world, ['rollout', 'list'])).rollouts;
  const { rollout, points } = await serinJson<{ rollout: RolloutBody; points: VerdictPoint[] }>(world, [
    ...['rollout', 'explain', last?.id ?? ''],
  ]);
  const told = explainLines(rollout, points).join('\n');
  expect(told).toMatch(/^shop: v3 against v2 is rolled back\.\nIt left the straight way because: error-rate/);
  expect(told).toMatch(/error-rate: [\d.]+ % of \d+ requests, v2 0 %; at least [\d.]+ times as bad; evidence of harm/);
  expect(told).toMatch(/Requests to the canary that were seen to fail: \d+\./);
});

it('watches a canary that has all requests, and keeps it when it is as good as stable was', async () => {
  const id = await start('v4', 'baked');
  const baking = await until(world, id, ({ bake }) => bake !== null, 30_000);
  expect(baking.phase).toBe('promoting');
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 60_000);
  expect([ended.phase, ended.cause?.summary ?? '']).toEqual(['promoted', '']);
  expect(Date.parse(ended.updatedAt)).toBeGreaterThanOrEqual(Date.parse(baking.bake?.until ?? ''));
}, 120_000);

it('sends back one that begins to fail only then, and loses nothing on the way', async () => {
  const id = await start('v5', 'baked');
  await until(world, id, ({ bake }) => bake !== null, 30_000);
  const upstream = world.upstreams.get('v5');
  if (upstream === undefined) throw new Error('no v5');
  upstream.failShare = 0.2;
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 60_000);
  expect(ended.phase).toBe('rolled_back');
  expect(ended.cause?.verdict).toMatchObject({ metric: 'error-rate', reason: 'WORSE_THAN_STABLE' });
  expect(ended.cause?.summary).toMatch(
    /^error-rate: \d+ of \d+ requests since it has all of them, stable had 0 of \d+/,
  );
  await waitFor(() => load.samples.slice(-100).every(({ servedBy }) => servedBy === 'v4'), { what: 'v4 to have all' });
}, 120_000);

it('undo: all requests go back to the revision that was stable before, in one step and without a loss', async () => {
  const from = load.samples.length;
  const args = ['rollout', 'undo', 'shop', '--reason', 'carts are empty', '--wait'];
  const ended = await serinJson<RolloutBody>(world, args);
  expect([ended.phase, ended.revision, ended.stable]).toEqual(['promoted', 'v2', 'v4']);
  await waitFor(() => load.samples.slice(-100).every(({ servedBy }) => servedBy === 'v2'), { what: 'v2 to have all' });
  expect(load.samples.slice(from).filter(({ status }) => status !== 200)).toEqual([]);
}, 30_000);

it('by hand: a step is left when a person lets it', async () => {
  const id = await start('v4', 'by-hand');
  await until(world, id, ({ gate }) => gate !== null, 30_000);
  await serinJson(world, ['rollout', 'approve', id]);
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 30_000);
  expect([ended.phase, ended.history.map(({ weight }) => weight)]).toEqual(['promoted', [50]]);
}, 60_000);
