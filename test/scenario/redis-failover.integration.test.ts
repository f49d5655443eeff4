import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { HASH_TAG } from '../../src/adapters/store/redis-address.ts';
import { slotOf } from '../../src/adapters/store/slot-owner.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serinJson } from '../support/cli.ts';
import { type Undo, undoAll } from '../support/installation.ts';
import { answers, freePort, startProcess, waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { replicaOf, startCluster, startSentinels } from '../support/redis-topologies.ts';
import { shopDocuments } from '../support/shop-documents.ts';
import { openXdsClient, type XdsClient } from '../support/xds-client.ts';

const undo: Undo[] = [];
afterAll(() => undoAll(undo, () => {}));

const DOCUMENTS = shopDocuments('127.0.0.1:1', {
  slow: 'strategy: { steps: [{ weight: 5 }, { weight: 20, approve: true }, { weight: 50 }] }, deadline: 10m',
});

/** Takes what comes, however long that takes. */
async function follow(client: XdsClient, type: 'cluster' | 'route', isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const response = await client.next(type).catch(() => null);
    if (response !== null) client.ack(response);
  }
}

interface Played {
  readonly engine: { readonly server: string; readonly program: readonly string[] };
  readonly output: () => string;
  readonly id: string;
  /** Steps that every Envoy has. */
  readonly live: () => Promise<number | undefined>;
}

/** An engine on this Redis, with a rollout whose second step is live and waits for an approval. */
async function atSecondStep(redis: string): Promise<Played> {
  const folder = await mkdtemp(join(tmpdir(), 'serin-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const [http, xds] = [await freePort(), await freePort()];
  const config = join(folder, 'serin.yaml');
  await writeFile(config, `redis: { ${redis} }\nhttp: { port: ${http} }\nxds: { port: ${xds} }\n`);
  const engine = { server: `http://127.0.0.1:${http}`, program: PROGRAM };
  const running = await startProcess({
    command: process.execPath,
    args: [...PROGRAM, 'serve', '--config', config],
    ready: () => answers(`${engine.server}/readyz`),
  });
  undo.push(() => running.kill());
  const envoy = openXdsClient({ port: xds, node: { id: 'edge-1', cluster: 'edge' } });
  let over = false;
  undo.push(async () => {
    over = true;
    envoy.close();
  });
  envoy.request({ type: 'cluster' });
  envoy.request({ type: 'route', names: ['edge'] });
  for (const type of ['cluster', 'route'] as const) void follow(envoy, type, () => over);
  const file = join(folder, 'shop.yaml');
  await writeFile(file, DOCUMENTS);
  await serinJson(engine, ['apply', '-f', file]);
  const { id } = await serinJson<RolloutBody>(engine, [
    ...['rollout', 'start', 'slow', '--revision', 'r1', '--endpoints', '127.0.0.1:2'],
  ]);
  const look = async () => {
    const response = await fetch(`${engine.server}/api/v1/rollouts/${id}`);
    return response.ok ? ((await response.json()) as RolloutBody) : null;
  };
  const live = async () => (await look())?.history.filter(({ ackMs }) => ackMs !== null).length;
  await waitFor(async () => (await live()) === 2, { what: 'the second step to be live' });

  return { engine, output: running.output, id, live };
}

const listed = (ports: readonly number[]) => ports.map((port) => `"127.0.0.1:${port}"`).join(', ');

/** Once there is a primary again. */
async function approve({ engine, id }: Played): Promise<void> {
  const isTaken = () =>
    serinJson(engine, ['rollout', 'approve', id]).then(
      () => true,
      () => false,
    );
  await waitFor(isTaken, { what: 'the approval to be taken', everyMs: 250, timeoutMs: 30_000 });
}

async function promoted({ engine, id }: Played): Promise<void> {
  const ended = await serinJson<RolloutBody>(engine, ['rollout', 'wait', id, '--timeout', '40s']);
  expect(ended.phase).toBe('promoted');
  expect(ended.history.map(({ ackMs }) => ackMs !== null)).toEqual([true, true, true]);
}

it('F6: with sentinels a rollout goes on at the new primary, and gets more traffic once that has a replica', {
  timeout: 120_000,
}, async () => {
  const redis = await startSentinels(undo);
  const nodes = listed(redis.nodes.map(({ port }) => port));
  const played = await atSecondStep(`sentinel: { primary: ${redis.name}, nodes: [${nodes}] }`);
  await redis.primary.process.kill();
  await approve(played);
  await waitFor(() => played.output().includes('waits until a Redis replica has it'), { what: 'the step to wait' });
  expect(await played.live()).toBe(2);
  undo.push(await replicaOf(redis.replica.port));
  await promoted(played);
});

it('F6: in a cluster a rollout goes on at the replica that has taken over its slot', {
  timeout: 120_000,
}, async () => {
  const redis = await startCluster(undo, slotOf(HASH_TAG));
  const nodes = listed(redis.primaries.map(({ port }) => port));
  const played = await atSecondStep(`cluster: { nodes: [${nodes}] }, waitForReplicas: 0`);
  await redis.owner.process.kill();
  await approve(played);
  await promoted(played);
});
