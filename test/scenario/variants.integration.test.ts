import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isTerminal } from '../../src/core/model/phase.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { startLoad } from '../support/load.ts';
import { PROGRAM } from '../support/program.ts';

/** Tests of several arms on a real Envoy: stable, the canary and a variant `green`. */
const undo: Undo[] = [];
let world: Installation;

interface Seen {
  readonly status: number;
  readonly servedBy: string;
  readonly atMs: number;
}

interface User {
  cookie: string | null;
  readonly seen: Seen[];
}

interface Users {
  readonly all: readonly User[];
  stop(): Promise<void>;
}

/** People who come back with their cookie, each one request at a time. */
function startUsers(count: number, host: string, headers: Readonly<Record<string, string>> = {}): Users {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const all = Array.from({ length: count }, (): User => ({ cookie: null, seen: [] }));
  const port = world.envoys[0]?.listenPort;
  let stopped = false;
  const ask = (user: User): Promise<void> =>
    new Promise((resolve) => {
      const cookie = user.cookie === null ? {} : { cookie: user.cookie };
      const done = (status: number, servedBy: string): void => {
        user.seen.push({ status, servedBy, atMs: Date.now() });
        resolve();
      };
      const call = request(
        { host: '127.0.0.1', port, path: '/', agent, timeout: 10_000, headers: { host, ...cookie, ...headers } },
        (answer) => {
          user.cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? user.cookie;
          answer.resume();
          answer.once('end', () => done(answer.statusCode ?? 0, String(answer.headers['x-served-by'] ?? '')));
        },
      );
      call.once('error', () => done(0, ''));
      call.end();
    });
  const runs = [0, 1, 2, 3].map(async (lane) => {
    for (let i = lane; !stopped; i = (i + 4) % count) {
      const user = all[i];
      if (user !== undefined) await ask(user);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  const stop = async (): Promise<void> => {
    stopped = true;
    await Promise.all(runs);
    agent.destroy();
  };
  undo.push(stop);
  return { all, stop };
}

const address = (name: string): string => world.upstreams.get(name)?.address ?? '';

function documents(name: string, plan: string): string {
  return `apiVersion: serin.dev/v1
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
spec: { initial: { revision: v1, endpoints: { static: ["${address('v1')}"] } } }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec:
  backend: ${name}
  variants: [green]
${plan}
  deadline: 3m
`;
}

const PINNED = 'x-arm';
const STEPS = `
    steps:
      - weights: { canary: 10, green: 10 }
        matches: [{ headers: [{ name: ${PINNED}, value: green }], arm: green }]
        hold: 3s
      - name: even
        weights: { stable: 34, canary: 33, green: 33 }
        matches: [{ headers: [{ name: ${PINNED}, value: green }], arm: green }]
        hold: 3s
  sticky: { cookie: {} }`;
const BY_HAND = `  strategy:${STEPS}
  analysis: [{ use: error-rate, with: { max: 0.2, minRequests: 20 } }]
  judge: { name: threshold }`;
const BY_READOUT = `  strategy: { steps: [{ weights: { stable: 34, canary: 33, green: 33 }, sticky: { cookie: {} }, hold: 8s }] }
  readout:
    - name: answered
      users: sum(envoy_cluster_upstream_rq_completed{envoy_cluster_name="{{ arm.cluster }}"})
      successes: sum(envoy_cluster_upstream_rq_xx{envoy_cluster_name="{{ arm.cluster }}",envoy_response_code_class="2"})`;

async function apply(text: string): Promise<void> {
  const file = join(world.folder, 'variants.yaml');
  await writeFile(file, text);
  await serinJson(world, ['apply', '-f', file]);
}

async function start(plan: string, canary: string, green: string): Promise<string> {
  const { id } = await serinJson<RolloutBody>(world, [
    ...['rollout', 'start', plan, '--revision', canary, '--variant', `green=${green}`],
    ...['--endpoints', address(canary), '--endpoints', `green=${address(green)}`],
  ]);
  return id;
}

const armsOf = ({ arms = [] }: RolloutBody) => arms.map(({ arm, revision, weight }) => `${arm} ${revision} ${weight}`);

const fails = (name: string, share: number): void => {
  const upstream = world.upstreams.get(name);
  if (upstream === undefined) throw new Error(`no upstream ${name}`);
  upstream.failShare = share;
};

beforeAll(async () => {
  const revisions = ['v1', 'v2', 'v3', 'bad'];
  world = await startInstallation({ program: PROGRAM, mode: 'dev', envoys: 1, revisions, undo });
}, 60_000);

afterAll(() => undoAll(undo, () => {}), 30_000);

it('a person promotes one of the arms; users stay in theirs, and no request is lost', async () => {
  await apply(documents('shop', BY_HAND));
  const users = startUsers(300, 'shop.example.com');
  const testers = startUsers(1, 'shop.example.com', { [PINNED]: 'green' });
  const id = await start('shop', 'v2', 'v3');
  const asked = await until(world, id, ({ waitingFor }) => waitingFor.startsWith('a person: which of'), 60_000);
  expect(armsOf(asked)).toEqual(['canary v2 33', 'green v3 33']);
  const { code, stderr } = await serin(world, ['rollout', 'promote', id]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('--arm canary|green')]);

  const promotedAtMs = Date.now();
  await serinJson(world, ['rollout', 'promote', id, '--arm', 'green']);
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 60_000);
  expect([ended.phase, ended.winner, ended.revision]).toEqual(['promoted', 'green', 'v3']);
  const endedAtMs = Date.now();
  await until(world, id, () => testers.all.every(({ seen }) => (seen.at(-1)?.atMs ?? 0) > endedAtMs + 500), 10_000);
  await Promise.all([users.stop(), testers.stop()]);

  const all = [...users.all, ...testers.all].flatMap(({ seen }) => seen);
  expect(all.filter(({ status }) => status !== 200)).toEqual([]);
  // Whoever has come to an arm beside stable is there until one of them is promoted.
  const during = users.all.map(({ seen }) => seen.filter(({ atMs }) => atMs < promotedAtMs).map((one) => one.servedBy));
  for (const arms of during) {
    const left = arms.slice(arms.findIndex((arm) => arm !== 'v1'));
    if (arms.some((arm) => arm !== 'v1')) expect(new Set(left).size).toBe(1);
  }
  const last = (arm: string) => during.filter((arms) => arms.at(-1) === arm).length;
  // Of 300 users 99 are meant for each; five deviations.
  for (const arm of ['v2', 'v3']) expect(Math.abs(last(arm) - 99)).toBeLessThan(41);
  expect(all.filter(({ atMs }) => atMs > endedAtMs + 100).every(({ servedBy }) => servedBy === 'v3')).toBe(true);
  // A tester is with green from the first step on, whatever was drawn.
  expect(testers.all[0]?.seen.map(({ servedBy }) => servedBy)).toContain('v3');
}, 120_000);

it('a bad arm sends the whole test back, and says which it was', async () => {
  fails('bad', 0.6);
  const users = startUsers(100, 'shop.example.com');
  const id = await start('shop', 'v2', 'bad');
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 90_000);
  const endedAtMs = Date.now();
  await until(world, id, () => users.all.some(({ seen }) => (seen.at(-1)?.atMs ?? 0) > endedAtMs + 500), 10_000);
  await users.stop();
  expect(ended.phase).toBe('rolled_back');
  expect(ended.cause?.summary).toMatch(/\(green\)| of green/);
  const all = users.all.flatMap(({ seen }) => seen);
  expect(all.filter(({ status, servedBy }) => status !== 200 && servedBy !== 'bad')).toEqual([]);
  // The arm that was promoted before is what is stable.
  expect(all.filter(({ atMs }) => atMs > endedAtMs + 100).every(({ servedBy }) => servedBy === 'v3')).toBe(true);
}, 120_000);

it('the one arm that users do better with is promoted by itself', async () => {
  await apply(documents('search', BY_READOUT));
  for (const [name, share] of [
    ['v1', 0.4],
    ['v2', 0.4],
    ['v3', 0.1],
  ] as const) {
    fails(name, share);
  }
  const load = startLoad({
    ...{ ports: world.envoys.map(({ listenPort }) => listenPort), host: 'search.example.com', path: '/', rate: 300 },
  });
  undo.push(() => load.stop());
  const id = await start('search', 'v2', 'v3');
  const ended = await until(world, id, ({ phase }) => isTerminal(phase), 90_000);
  await load.stop();
  expect([ended.phase, ended.winner]).toEqual(['promoted', 'green']);
  expect(ended.readout.map(({ name, arm, standing }) => [name, arm, standing])).toEqual([
    ['answered', 'canary', expect.not.stringMatching('winner')],
    ['answered', 'green', 'winner'],
  ]);
  expect(load.samples.filter(({ status }) => status === 0)).toEqual([]);
}, 120_000);
