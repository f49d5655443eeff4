import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditPage, RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { type BareReplica, type BareStore, bareReplica, bareStore } from '../support/bare-replicas.ts';
import { serinJson } from '../support/cli.ts';
import { type Undo, undoAll } from '../support/installation.ts';
import { waitFor } from '../support/processes.ts';
import { shopDocuments } from '../support/shop-documents.ts';
import { openXdsClient, type XdsClient } from '../support/xds-client.ts';

const undo: Undo[] = [];
let store: BareStore;
let api: BareReplica;
let scheduler: BareReplica;
let xds: BareReplica;
let node: XdsClient;

const startReplica = (role: string) => bareReplica({ name: role, store, undo, args: ['--roles', role] });

const DOCUMENTS = shopDocuments('127.0.0.1:1', { quick: 'strategy: { steps: [{ weight: 50 }] }, deadline: 10m' });

const status = async ({ server }: BareReplica, path: string): Promise<number> =>
  (await fetch(`${server}${path}`, { signal: AbortSignal.timeout(5_000) })).status;

function listens(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function follow(client: XdsClient, type: 'cluster' | 'route'): Promise<void> {
  for (;;) {
    const response = await client.next(type).catch(() => null);
    if (response === null) return;
    client.ack(response);
  }
}

beforeAll(async () => {
  store = await bareStore(undo);
  [api, scheduler, xds] = [await startReplica('api'), await startReplica('scheduler'), await startReplica('xds')];
  node = openXdsClient({ port: xds.xds, node: { id: 'edge-1', cluster: 'edge' } });
  undo.push(async () => node.close());
  node.request({ type: 'cluster' });
  node.request({ type: 'route', names: ['edge'] });
  for (const type of ['cluster', 'route'] as const) void follow(node, type);
}, 60_000);
afterAll(() => undoAll(undo, () => {}));

describe('three replicas with a role each', () => {
  it('do together what one with all roles does', async () => {
    // given
    const file = join(store.folder, 'shop.yaml');
    await writeFile(file, DOCUMENTS);
    await serinJson(api, ['apply', '-f', file]);
    // when
    const started = await serinJson<RolloutBody>(api, [
      ...['rollout', 'start', 'quick', '--revision', 'r1', '--endpoints', '127.0.0.1:2'],
    ]);
    // then
    const ended = await serinJson<RolloutBody>(api, ['rollout', 'wait', started.id, '--timeout', '40s']);
    expect(ended.phase).toBe('promoted');
    // The step went over the Envoy of the other replica.
    expect(ended.history.map(({ ackMs }) => ackMs !== null)).toEqual([true]);
  });

  it('remember who asked for what', async () => {
    const { entries } = await serinJson<AuditPage>(api, ['audit']);
    const answered = entries.filter(({ stage }) => stage === 'answered');
    expect(answered.map(({ by, command, result }) => [by, command, result])).toEqual([
      ['local', 'apply', 'done'],
      ['local', 'start', 'done'],
    ]);
    expect(entries).toHaveLength(2 * answered.length);
  });

  it('have the sweep of what ended long ago in their due set', async () => {
    const raw = new Redis(store.port, '127.0.0.1');
    try {
      await waitFor(async () => (await raw.zscore('{serin}:due', 'sweep/retention')) !== null, { what: 'the sweep' });
    } finally {
      raw.disconnect();
    }
  });

  it('listen for what is theirs alone', async () => {
    expect(await Promise.all([api, scheduler, xds].map((one) => listens(one.xds)))).toEqual([false, false, true]);
    const lists = await Promise.all([api, scheduler, xds].map((one) => status(one, '/api/v1/rollouts')));
    expect(lists).toEqual([200, 404, 404]);
    expect(await Promise.all([api, scheduler, xds].map((one) => status(one, '/metrics')))).toEqual([200, 200, 200]);
  });

  it('are ready by the checks of their role: Envoys are served on without the store', async () => {
    // given
    expect(await status(xds, '/readyz/xds')).toBe(200);
    expect(await status(api, '/readyz/api')).toBe(200);
    expect(await status(api, '/readyz/xds')).toBe(404);
    // when
    await store.process.kill();
    // then
    for (const path of ['/readyz', '/readyz/api']) {
      await waitFor(async () => (await status(api, path)) === 503, { what: `${path} of the api replica` });
    }
    await waitFor(async () => (await status(scheduler, '/readyz')) === 503, { what: 'the scheduler to say so' });
    expect(await status(xds, '/readyz')).toBe(200);
    expect(await status(xds, '/readyz/xds')).toBe(200);
  });
});
