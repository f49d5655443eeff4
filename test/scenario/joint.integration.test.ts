import { writeFile } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isTerminal } from '../../src/core/model/phase.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { type Load, type Sample, startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

/** Two services in a chain behind one real Envoy: `shop` asks `cart` by it, and passes the colour on. */
const undo: Undo[] = [];
let world: Installation;
const shops = new Map<string, string>();

const COLOUR = 'x-serin-arm';
const LAST = 50;

/** A service that asks the next one, and says who has answered: `shop-v2>cart-v2`. */
async function startShop(name: string, envoyPort: number): Promise<string> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, response) => {
    const colour = incoming.headers[COLOUR];
    const headers = { host: 'cart.example.com', ...(typeof colour === 'string' ? { [COLOUR]: colour } : {}) };
    const next = request({ host: '127.0.0.1', port: envoyPort, path: '/', agent, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => {
        const by = `${name}>${String(answer.headers['x-served-by'] ?? '')}`;
        response.writeHead(answer.statusCode ?? 502, { 'x-served-by': by }).end();
      });
    });
    next.once('error', () => response.writeHead(502, { 'x-served-by': name }).end());
    next.end();
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        agent.destroy();
      }),
  );
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const cart = (name: string): string => world.upstreams.get(name)?.address ?? '';

function documents(): string {
  const of = (name: string, address: string) => `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${name} }
spec:
  fleet: edge
  hostnames: [${name}.example.com]
  rules: [{ name: all, backend: ${name}, timeout: 5s }]
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${name} }
spec: { initial: { revision: v1, endpoints: { static: ["${address}"] } } }
---
`;
  return `${of('shop', shops.get('shop-v1') ?? '')}${of('cart', cart('cart-v1'))}apiVersion: serin.dev/v1
kind: Plan
metadata: { name: release }
spec:
  backends: [shop, cart]
  colour: { header: ${COLOUR} }
  strategy: { steps: [{ weight: 20, hold: 3s }, { weight: 60, hold: 3s }] }
  analysis: [{ use: error-rate, with: { max: 0.2, minRequests: 20 } }]
  judge: { name: threshold }
  deadline: 3m
`;
}

async function start(shop: string, ofCart: string): Promise<string> {
  const { id } = await serinJson<RolloutBody>(world, [
    ...['rollout', 'start', 'release', '--revision', 'v2', '--revision', `cart=${ofCart}`],
    ...['--endpoints', `shop=${shops.get(shop) ?? ''}`, '--endpoints', `cart=${cart(ofCart)}`],
  ]);
  return id;
}

const load = (): Load => {
  const ports = world.envoys.map(({ listenPort }) => listenPort);
  const running = startLoad({ ports, host: 'shop.example.com', path: '/', rate: 200 });
  undo.push(() => running.stop());
  return running;
};

const lost = (samples: readonly Sample[]): readonly Sample[] => samples.filter(({ status }) => status === 0);

/** By how it went through the chain: how many. */
function ways(samples: readonly Sample[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { servedBy } of samples) counts[servedBy] = (counts[servedBy] ?? 0) + 1;
  return counts;
}

/** What was sent while the split of a step was everywhere, away from the moments of its changes. */
function within(samples: readonly Sample[], { history }: RolloutBody): readonly Sample[] {
  const aside = 250;
  return samples.filter(({ sentAtMs }) =>
    history.some(({ liveAt, leftAt }) => {
      if (liveAt === null || leftAt === null) return false;
      return sentAtMs > Date.parse(liveAt) + aside && sentAtMs < Date.parse(leftAt) - aside;
    }),
  );
}

beforeAll(async () => {
  const revisions = ['cart-v1', 'cart-v2', 'cart-bad'];
  world = await startInstallation({ program: PROGRAM, mode: 'dev', envoys: 1, revisions, undo });
  const [envoy] = world.envoys;
  for (const name of ['shop-v1', 'shop-v2']) shops.set(name, await startShop(name, envoy?.listenPort ?? 0));
  const file = join(world.folder, 'joint.yaml');
  await writeFile(file, documents());
  await serinJson(world, ['apply', '-f', file]);
}, 60_000);

afterAll(() => undoAll(undo, () => {}), 30_000);

/** As many requests were sent after that and are answered as a test looks at. */
const answeredSince = (running: Load, fromMs: number): Promise<void> =>
  waitFor(() => running.samples.filter(({ sentAtMs }) => sentAtMs >= fromMs).length >= LAST, { what: 'traffic' });

it('a bad revision of the last service sends both back, and no request is lost', async () => {
  const bad = world.upstreams.get('cart-bad');
  if (bad === undefined) throw new Error('no such upstream');
  bad.failShare = 0.6;
  const running = load();
  const id = await start('shop-v2', 'cart-bad');
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 90_000);
  await answeredSince(running, Date.now());
  await running.stop();
  expect(ended.phase).toBe('rolled_back');
  expect(ended.cause?.summary).toMatch(/\((shop|cart)\)| of (shop|cart)/);
  expect(lost(running.samples)).toEqual([]);
  // Whoever has failed, the last requests go to what was stable of both.
  expect(Object.keys(ways(running.samples.slice(-LAST)))).toEqual(['shop-v1>cart-v1']);
}, 120_000);

it('good ones are promoted together, and each request stays in one arm along the chain', async () => {
  const running = load();
  const id = await start('shop-v2', 'cart-v2');
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 90_000);
  await answeredSince(running, Date.now());
  await running.stop();
  expect([ended.phase, ended.cause?.summary ?? '']).toEqual(['promoted', '']);
  expect(ended.joint?.map(({ backend, revision }) => `${backend} ${revision}`)).toEqual(['shop v2', 'cart cart-v2']);
  expect(running.samples.filter(({ status }) => status !== 200)).toEqual([]);
  const split = ways(within(running.samples, ended));
  expect(Object.keys(split).toSorted()).toEqual(['shop-v1>cart-v1', 'shop-v2>cart-v2']);
  expect(split['shop-v2>cart-v2']).toBeGreaterThan(100);
  expect(Object.keys(ways(running.samples.slice(-LAST)))).toEqual(['shop-v2>cart-v2']);
}, 120_000);

it('what was promoted together is undone together, in one step', async () => {
  const running = load();
  const { code } = await serin(world, ['rollout', 'undo', 'cart', '--wait', '--timeout', '60s']);
  await answeredSince(running, Date.now());
  await running.stop();
  expect(code).toBe(0);
  expect(running.samples.filter(({ status }) => status !== 200)).toEqual([]);
  expect(Object.keys(ways(running.samples.slice(-LAST)))).toEqual(['shop-v1>cart-v1']);
}, 90_000);
