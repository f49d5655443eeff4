import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { type BareReplica, bareReplica, bareStore } from '../support/bare-replicas.ts';
import { serinJson } from '../support/cli.ts';
import { type Undo, undoAll } from '../support/installation.ts';
import { waitFor } from '../support/processes.ts';
import { shopDocuments } from '../support/shop-documents.ts';
import { openXdsClient, type XdsClient, type XdsResponse } from '../support/xds-client.ts';

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
let first: BareReplica;
let second: BareReplica;
const left = new Node('left');
const right = new Node('right');

const DOCUMENTS = shopDocuments('127.0.0.1:1', { quick: 'strategy: { steps: [{ weight: 50 }] }, deadline: 10m' });

interface SeenFleet {
  readonly nodes: readonly { readonly node: string; readonly connected: boolean }[];
}

async function ask<T>({ server }: BareReplica, path: string): Promise<T> {
  const response = await fetch(`${server}/api/v1/${path}`, { signal: AbortSignal.timeout(5_000) });
  return (await response.json()) as T;
}

async function seen(replica: BareReplica): Promise<string[]> {
  const { nodes } = await ask<SeenFleet>(replica, 'fleets/edge/nodes');
  return nodes.filter(({ connected }) => connected).map(({ node }) => node);
}

const get = (replica: BareReplica, id: string) => ask<RolloutBody>(replica, `rollouts/${id}`);
async function until(replica: BareReplica, id: string, what: string, holds: (rollout: RolloutBody) => boolean) {
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
  const store = await bareStore(undo);
  const replica = (name: string) => bareReplica({ name, store, undo, config: 'fleets: [{ name: edge }]\n' });
  [first, second] = [await replica('first'), await replica('second')];
  const file = join(store.folder, 'shop.yaml');
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
