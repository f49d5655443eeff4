import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isTerminal } from '../../src/core/model/phase.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { rolloutEvents, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

/**
 * Two real Envoys, a real Prometheus that scrapes them every second, and a plan whose steps take hours. What it takes to
 * skip them is compressed in its stored record: YAML allows ten minutes at least.
 */
const undo: Undo[] = [];
let world: Installation;

const address = (revision: string): string => world.upstreams.get(revision)?.address ?? '';

beforeAll(async () => {
  world = await startInstallation({ program: PROGRAM, mode: 'serve', envoys: 2, revisions: ['v1', 'v2'], undo });
  // The fewer fail or are slow, the more requests it takes to have seen a regression.
  const both = { failShare: 0.1, delayShare: 0.05, delayMs: 600 };
  for (const upstream of world.upstreams.values()) Object.assign(upstream, both);
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
  strategy: { steps: [{ weight: 50, hold: 25s, until: { requests: 9000 } }, { weight: 60, hold: 1h }, { weight: 70, hold: 1h }] }
  judge: { name: sequential, skipAfter: 10m }
  analysis: [{ use: error-rate }, { use: latency, with: { objective: 500ms, warmup: 0s } }]
  bake: 10s
  deadline: 5h
`,
  );
  await serinJson(world, ['apply', '-f', documents]);
  await compressed('document/Plan/shop', '"skipAfterMs":600000', '"skipAfterMs":20000');
  const ports = world.envoys.map(({ listenPort }) => listenPort);
  const where = { ports, host: 'shop.example.com', path: '/' };
  // What fails before v1 is known would be remembered as how it scatters.
  const first = startLoad({ ...where, rate: 5 });
  undo.push(() => first.stop());
  const well = () => first.samples.slice(-8).filter(({ status }) => status < 502).length === 8;
  await waitFor(well, { what: 'v1 to answer' });
  await first.stop();
  const load = startLoad({ ...where, rate: 300 });
  undo.push(() => load.stop());
}, 60_000);

afterAll(() => undoAll(undo, () => {}), 30_000);

async function compressed(key: string, was: string, is: string): Promise<void> {
  const [, url = ''] = /redis: \{ url: "([^"]+)"/.exec(await readFile(join(world.folder, 'serin.yaml'), 'utf8')) ?? [];
  const redis = new Redis(url);
  try {
    const body = (await redis.hget(`{serin}:record:${key}`, 'body')) ?? '';
    expect(body).toContain(was);
    await redis.hset(`{serin}:record:${key}`, 'body', body.replace(was, is));
  } finally {
    redis.disconnect();
  }
}

async function start(revision: string): Promise<string> {
  const args = ['rollout', 'start', 'shop', '--revision', revision, '--endpoints', address(revision)];
  return (await serinJson<RolloutBody>(world, args)).id;
}

it('a canary that is shown to be no worse skips steps of hours, and is watched in the bake', async () => {
  const id = await start('v2');
  const baking = await until(world, id, ({ bake }) => bake !== null, 200_000);
  expect(baking.history.map(({ weight }) => weight)).toEqual([50]);
  const [first] = baking.history;
  expect(Date.parse(first?.leftAt ?? '') - Date.parse(first?.liveAt ?? '')).toBeGreaterThanOrEqual(20_000);
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 60_000);
  expect([ended.phase, ended.cause]).toEqual(['promoted', null]);
  expect((await rolloutEvents(world, id)).map(({ message }) => message).join('\n')).toContain('no worse');
}, 290_000);
