import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isTerminal } from '../../src/core/model/phase.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import type { VerdictPoint } from '../../src/surfaces/api/verdict-schemas.ts';
import { explainLines } from '../../src/surfaces/cli/explain.ts';
import { serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { startLoad } from '../support/load.ts';
import { PROGRAM } from '../support/program.ts';

/** Two real Envoys, a real Prometheus that scrapes them every second, and a plan that names Kayenta's judge. */
const undo: Undo[] = [];
let world: Installation;

const address = (revision: string): string => world.upstreams.get(revision)?.address ?? '';

beforeAll(async () => {
  world = await startInstallation({ program: PROGRAM, mode: 'dev', envoys: 2, revisions: ['v1', 'v2', 'v3'], undo });
  // Every revision fails now and then: arms without an error would be equal to the last digit.
  for (const [revision, failShare] of [
    ['v1', 0.02],
    ['v2', 0.02],
    ['v3', 0.12],
  ] as const) {
    const upstream = world.upstreams.get(revision);
    if (upstream !== undefined) upstream.failShare = failShare;
  }
  const documents = join(world.folder, 'shop.yaml');
  await writeFile(
    documents,
    `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules: [{ name: all, matches: [{ path: { type: PathPrefix, value: / } }], backend: shop, timeout: 1s }]
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
  judge:
    name: kayenta
    interval: 10s
    sample: 2s
    effectSize: { allowedIncrease: 1.5 }
    critical: [error-rate]
  analysis:
    - use: error-rate
    - use: latency
      with: { objective: 500ms, warmup: 0s }
  deadline: 10m
`,
  );
  await serinJson(world, ['apply', '-f', documents]);
  const ports = world.envoys.map(({ listenPort }) => listenPort);
  const load = startLoad({ ports, host: 'shop.example.com', path: '/checkout', rate: 400 });
  undo.push(() => load.stop());
}, 60_000);

afterAll(() => undoAll(undo, () => {}), 30_000);

async function rolled(revision: string): Promise<RolloutBody> {
  const args = ['rollout', 'start', 'shop', '--revision', revision, '--endpoints', address(revision)];
  const { id } = await serinJson<RolloutBody>(world, args);
  return until(world, id, ({ phase }) => isTerminal(phase), 150_000);
}

/** Decides everything again by what was recorded. */
async function differences(id: string): Promise<unknown> {
  const replayed = await serinJson<{ differences: unknown[]; notReplayed: unknown[]; looks: number }>(world, [
    ...['rollout', 'replay', id],
  ]);
  expect(replayed.looks).toBeGreaterThan(10);
  return [...replayed.differences, ...replayed.notReplayed];
}

async function told(id: string): Promise<string> {
  const { rollout, points } = await serinJson<{ rollout: RolloutBody; points: VerdictPoint[] }>(world, [
    ...['rollout', 'explain', id],
  ]);
  return explainLines(rollout, points).join('\n');
}

it('promotes a canary that is as good as stable, step by step at its judgements', async () => {
  const ended = await rolled('v2');
  expect([ended.phase, ended.cause?.summary ?? '']).toEqual(['promoted', '']);
  for (const { liveAt, leftAt } of ended.history) {
    expect(Date.parse(leftAt ?? '') - Date.parse(liveAt ?? '')).toBeGreaterThanOrEqual(10_000);
  }
  const words = await told(ended.id);
  expect(words).toMatch(/kayenta: 100 %\n/);
  expect(words).toMatch(/error-rate: [\d.]+ % of \d+ requests, v1 [\d.]+ %/);
  expect(await differences(ended.id)).toEqual([]);
}, 160_000);

it('sends back one that fails more often, and says by how much', async () => {
  const ended = await rolled('v3');
  expect(ended.phase).toBe('rolled_back');
  expect(ended.cause?.verdict).toMatchObject({ metric: 'kayenta', reason: 'LIMIT_REACHED' });
  expect(ended.cause?.summary).toMatch(
    /^kayenta: score 0 of 100 \(below 75\): error-rate High \(critical\), latency Pass;/,
  );
  const words = await told(ended.id);
  expect(words).toMatch(/^shop: v3 against v2 is rolled back\.\nIt left the straight way because: kayenta: score 0/);
  expect(words).toMatch(/Requests to the canary that were seen to fail: \d+\./);
  expect(await differences(ended.id)).toEqual([]);
}, 160_000);
