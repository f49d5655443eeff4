import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { binaryPath } from '../support/binaries.ts';
import { serinJson } from '../support/cli.ts';
import { type Undo, undoAll } from '../support/installation.ts';
import { answers, freePort, type RunningProcess, startProcess, waitFor } from '../support/processes.ts';
import { openXdsClient, type XdsClient, type XdsResponse } from '../support/xds-client.ts';

interface Replica {
  readonly server: string;
  readonly program: readonly string[];
  readonly xds: number;
  readonly process: RunningProcess;
}

/** A node that takes all it is given, while `takes` says so. */
class Node {
  takes = true;
  #client: XdsClient | null = null;
  readonly #held: XdsResponse[] = [];
  readonly #id: string;
  constructor(id: string) {
    this.#id = id;
  }
  connect(xds: number): void {
    this.#client?.close();
    const client = openXdsClient({ port: xds, node: { id: this.#id, cluster: 'edge' } });
    this.#client = client;
    this.#held.length = 0;
    client.request({ type: 'cluster' });
    client.request({ type: 'route', names: ['edge'] });
    for (const type of ['cluster', 'route'] as const) void this.#follow(client, type);
  }
  take(): void {
    this.takes = true;
    for (const response of this.#held.splice(0)) this.#client?.ack(response);
  }
  close(): void {
    this.#client?.close();
    this.#client = null;
  }
  async #follow(client: XdsClient, type: 'cluster' | 'route'): Promise<void> {
    while (this.#client === client) {
      const response = await client.next(type).catch(() => null);
      if (response === null) continue;
      if (this.takes) client.ack(response);
      else this.#held.push(response);
    }
  }
}

const undo: Undo[] = [];
const program = ['--import', 'tsx', resolve('src/main.ts')];
let folder: string;
let redisPort: number;
let first: Replica;
let second: Replica;
const left = new Node('left');
const right = new Node('right');

async function startReplica(name: string): Promise<Replica> {
  const [http, xds] = [await freePort(), await freePort()];
  const config = join(folder, `${name}.yaml`);
  await writeFile(
    config,
    `redis: { url: "redis://127.0.0.1:${redisPort}" }\nhttp: { port: ${http} }\nxds: { port: ${xds} }\nfleets: [{ name: edge }]\n`,
  );
  const server = `http://127.0.0.1:${http}`;
  const process_ = await startProcess({
    command: process.execPath,
    args: [...program, 'serve', '--config', config],
    ready: () => answers(`${server}/readyz`),
  });
  undo.push(() => process_.kill());
  return { server, program, xds, process: process_ };
}

const DOCUMENTS = `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec: { fleet: edge, hostnames: ["*"], rules: [{ name: all, backend: shop, timeout: 5s }] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec: { initial: { revision: r0, endpoints: { static: ["127.0.0.1:1"] } } }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: quick }
spec: { backend: shop, strategy: { steps: [{ weight: 50 }] }, deadline: 10m }
`;

interface SeenFleet {
  readonly nodes: readonly { readonly node: string; readonly connected: boolean }[];
}

async function ask<T>({ server }: Replica, path: string): Promise<T> {
  const response = await fetch(`${server}/api/v1/${path}`, { signal: AbortSignal.timeout(5_000) });
  return (await response.json()) as T;
}

async function seen(replica: Replica): Promise<string[]> {
  const { nodes } = await ask<SeenFleet>(replica, 'fleets/edge/nodes');
  return nodes.filter(({ connected }) => connected).map(({ node }) => node);
}

const get = (replica: Replica, id: string) => ask<RolloutBody>(replica, `rollouts/${id}`);
async function until(replica: Replica, id: string, what: string, holds: (rollout: RolloutBody) => boolean) {
  let rollout = await get(replica, id);
  await waitFor(
    async () => {
      rollout = await get(replica, id);
      return holds(rollout);
    },
    { what: () => `${what}: ${JSON.stringify(rollout)}`, timeoutMs: 30_000 },
  );
  return rollout;
}

async function start(revision: string): Promise<RolloutBody> {
  return serinJson<RolloutBody>(first, [
    ...['rollout', 'start', 'quick', '--revision', revision],
    ...['--endpoints', '127.0.0.1:2'],
  ]);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-replicas-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  redisPort = await freePort();
  const redis = await startProcess({
    command: binaryPath('valkey-server'),
    args: ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ready: (output) => output.includes('Ready to accept connections'),
  });
  undo.push(() => redis.kill());
  [first, second] = [await startReplica('first'), await startReplica('second')];
  const file = join(folder, 'shop.yaml');
  await writeFile(file, DOCUMENTS);
  await serinJson(second, ['apply', '-f', file]);
  left.connect(first.xds);
  right.connect(second.xds);
  undo.push(async () => {
    left.close();
    right.close();
  });
}, 60_000);
afterAll(() => undoAll(undo, () => {}));

describe('two replicas on one Redis', () => {
  it('know the nodes of each other', async () => {
    for (const replica of [first, second]) {
      await waitFor(async () => (await seen(replica)).join() === 'left,right', { what: 'both nodes' });
    }
  });

  it('count a step only when the nodes of both have it', async () => {
    // given
    right.takes = false;
    // when
    const { id } = await start('r1');
    // then
    await until(second, id, 'waits for the other node', ({ waitingFor }) => waitingFor?.includes('right') ?? false);
    right.take();
    await until(second, id, 'is promoted', ({ phase }) => phase === 'promoted');
  });

  it('F1: go on with a rollout when one of them is killed and its node goes to the other', async () => {
    // given
    right.takes = false;
    const { id } = await start('r2');
    await until(first, id, 'waits for the other node', ({ waitingFor }) => waitingFor?.includes('right') ?? false);
    // when
    await second.process.kill();
    right.takes = true;
    right.connect(first.xds);
    // then
    await until(first, id, 'is promoted', ({ phase }) => phase === 'promoted');
  });
});
