import { Agent, createServer, request as httpRequest, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetNode } from '../../../src/core/model/fleet-state.ts';
import type { Revision } from '../../../src/core/model/revision.ts';
import type { FleetTable } from '../../../src/core/model/traffic.ts';
import { backend, revision, route, rule, table } from '../../core/traffic/tables.ts';
import { type EnvoyProcess, envoyProcess } from '../../support/envoy-process.ts';
import { type FakeFeed, fakeFeed, type Stage, stage } from './stage.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const upstreams: Server[] = [];
let feed: FakeFeed;
let envoy: EnvoyProcess;
let s: Stage;
let v1: Revision;
let v2: Revision;
let v3: Revision;
let n = 0;

const web = route('web', [rule('shop')]);

async function upstream(name: string): Promise<Revision> {
  const server = createServer((request, response) => {
    if (request.url === '/stream') response.write(name);
    else response.end(name);
  });
  // Longer than Envoy's pool keeps a connection: else it may pick one that is being closed.
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  upstreams.push(server);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return revision('shop', name, {
    endpoints: { kind: 'static', addresses: [{ host: '127.0.0.1', port: address.port }] },
  });
}

function call(headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: envoy.listenPort, agent, headers };
    const request = httpRequest(options, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** A response that its service never ends. */
function openStream(): Promise<{ readonly from: string; readonly ended: Promise<'whole' | 'cut'> }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: envoy.listenPort, path: '/stream' };
    const request = httpRequest(options, (response) => {
      const ended = new Promise<'whole' | 'cut'>((done) => {
        response.once('end', () => done(response.complete ? 'whole' : 'cut'));
        response.once('error', () => done('cut'));
      });
      response.once('data', (chunk: Buffer) => resolve({ from: chunk.toString(), ended }));
    });
    request.once('error', reject);
    request.end();
  });
}

/** Publishes under the next fleet revision and waits until the Envoy has it; the time that took, ms. */
async function publish(build: (n: number) => FleetTable): Promise<number> {
  n += 1;
  const at = n;
  const startMs = performance.now();
  feed.set(build(at));
  await s.until(`credit of ${at}`, ({ nodes }) => (nodes[0]?.credited?.n ?? 0) >= at);
  return performance.now() - startMs;
}

const split =
  (weight: number, more: Parameters<typeof backend>[2] = {}) =>
  (at: number) =>
    table(at, [
      backend(
        'shop',
        [
          [v1, 10_000 - weight],
          [v2, weight],
        ],
        { pinned: [v2.key], ...more },
      ),
      web,
    ]);

/** Sends requests one after another on several connections until stopped; counts answers by status and body. */
function load(connections: number): { stop(): Promise<ReadonlyMap<string, number>> } {
  const counts = new Map<string, number>();
  let running = true;
  const worker = async () => {
    while (running) {
      const { status, body } = await call().catch(() => ({ status: 0, body: 'error' }));
      const key = `${status} ${status === 200 ? body : ''}`.trim();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  };
  const workers = Array.from({ length: connections }, worker);
  return {
    async stop() {
      running = false;
      await Promise.all(workers);
      return counts;
    },
  };
}

function failures(counts: ReadonlyMap<string, number>): number {
  return [...counts].filter(([key]) => !key.startsWith('200')).reduce((sum, [, count]) => sum + count, 0);
}

describe.each(['sotw', 'delta', 'own route stream'] as const)('a real Envoy, %s', (mode) => {
  beforeAll(async () => {
    [v1, v2, v3] = [await upstream('v1'), await upstream('v2'), await upstream('v3')];
    feed = fakeFeed(null);
    s = await stage(null, { feed });
    n = 1;
    feed.set(table(1, [backend('shop', [[v1, 10_000]]), web]));
    envoy = await envoyProcess('edge-1', 'edge', s.server.port, mode);
    await envoy.start();
    await s.until('credit', ({ nodes }) => nodes[0]?.credited?.n === 1);
  }, 60_000);

  afterAll(async () => {
    agent.destroy();
    await envoy?.close();
    await s?.stop();
    for (const server of upstreams.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  it('is live with the first table and says who it is', async () => {
    expect(await call()).toEqual({ status: 200, body: 'v1' });
    expect(s.fleet().nodes).toMatchObject([{ nodeId: 'edge-1', connected: true, envoyVersion: '1.40.0', nack: null }]);
  });

  it('loses no request while a cluster is added with its routes and weights move to it and back', async () => {
    const traffic = load(8);
    const times: number[] = [];
    for (const weight of [0, 100, 2_500, 5_000, 10_000, 5_000, 0]) times.push(await publish(split(weight)));
    // A new cluster and its full share in one and the same table: only the ACK barrier makes this safe.
    times.push(
      await publish((at) =>
        table(at, [
          backend('shop', [
            [v1, 0],
            [v3, 10_000],
          ]),
          web,
        ]),
      ),
    );
    times.push(await publish(split(5_000)));
    await publish((at) => table(at, [backend('shop', [[v1, 10_000]]), web]));
    const counts = await traffic.stop();
    expect(failures(counts)).toBe(0);
    expect(counts.get('200 v2')).toBeGreaterThan(0);
    expect(counts.get('200 v3')).toBeGreaterThan(0);
    console.log(`change to last ACK, ms: ${times.map((ms) => ms.toFixed(1)).join(' ')}`);
  }, 30_000);

  it('splits by weight once the ACK is in', async () => {
    await publish(split(2_500));
    let canary = 0;
    for (let i = 0; i < 1_000; i += 1) if ((await call()).body === 'v2') canary += 1;
    // Binomial, n = 1,000, p = 0.25: ±5 standard deviations.
    expect(canary).toBeGreaterThan(180);
    expect(canary).toBeLessThan(320);
  }, 30_000);

  it('pins testers by header at weight 0, into a cluster of their own', async () => {
    const matches = [{ headers: [{ name: 'x-tester', type: 'Exact' as const, value: '1' }] }];
    await publish(split(0, { pins: [{ matches, cluster: `${v2.cluster}--pin` }] }));
    for (let i = 0; i < 20; i += 1) {
      expect((await call({ 'x-tester': '1' })).body).toBe('v2');
      expect((await call({ 'x-tester': '2' })).body).toBe('v1');
    }
    const stats = await (
      await fetch(`http://127.0.0.1:${envoy.adminPort}/stats?filter=v2--pin.upstream_rq_completed`)
    ).text();
    expect(stats).toContain('cluster.shop--v2--pin.upstream_rq_completed: 20');
  }, 30_000);

  it('ends a stream at the age it was given at its start, also after the way back', async () => {
    const patient = route('web', [rule('shop', { timeoutMs: 3_600_000 })]);
    const arms = (weight: number, maxStreamMs: number | null) => (at: number) =>
      table(at, [
        backend('shop', [[v1, 10_000 - weight] as const, [v2, weight] as const], { pinned: [v2.key], maxStreamMs }),
        patient,
      ]);
    await publish(arms(10_000, 1_000));
    const stream = await openStream();
    expect(stream.from).toBe('v2');
    await publish(arms(0, null));
    expect(await stream.ended).toBe('cut');
    expect((await call()).body).toBe('v1');
    await publish(split(0));
  }, 30_000);

  it('warms a cluster at once that shares its endpoints with one that is there', async () => {
    await publish((at) => table(at, [backend('shop', [[v1, 10_000]], { revisions: [v1, v2] }), web]));
    // Envoy waits 15 s for endpoints that do not come.
    expect(await publish(split(0))).toBeLessThan(10_000);
  }, 30_000);

  it('reports a NACK with node and reason, while traffic goes on as before', async () => {
    await publish(split(0));
    const matches = [{ headers: [{ name: 'x', type: 'RegularExpression' as const, value: 'a((' }] }];
    const traffic = load(4);
    n += 1;
    feed.set(split(10_000, { pins: [{ matches, cluster: v2.cluster }] })(n));
    const refused = await s.until('nack', ({ nodes }) => nodes[0]?.nack != null);
    const node = refused.nodes[0] as FleetNode;
    expect(node.nack).toMatchObject({ type: 'route', position: { n }, message: expect.stringContaining('missing )') });
    expect(node.credited?.n).toBe(n - 1);
    expect(await call()).toEqual({ status: 200, body: 'v1' });
    await publish(split(10_000));
    expect(s.fleet().nodes[0]?.nack).toBeNull();
    expect(failures(await traffic.stop())).toBe(0);
    expect((await call()).body).toBe('v2');
  }, 30_000);

  it('follows endpoints that move, without a restart of the cluster', async () => {
    await publish(split(10_000));
    const moved = { ...v2, endpoints: v3.endpoints };
    await publish((at) =>
      table(at, [
        backend(
          'shop',
          [
            [v1, 0],
            [moved, 10_000],
          ],
          { pinned: [v2.key] },
        ),
        web,
      ]),
    );
    expect((await call()).body).toBe('v3');
    await publish(split(10_000));
    expect((await call()).body).toBe('v2');
  }, 30_000);

  it('a restart of the server is not felt by traffic, and the same content is credited again', async () => {
    const traffic = load(4);
    const port = s.server.port;
    await s.stop();
    await call();
    s = await stage(null, { feed, port });
    await s.until('credit', ({ nodes }) => nodes[0]?.connected === true && nodes[0]?.credited?.n === n);
    await publish(split(5_000));
    expect(failures(await traffic.stop())).toBe(0);
  }, 30_000);

  it('a drained server sends the Envoy to its successor', async () => {
    const traffic = load(4);
    const port = s.server.port;
    await s.server.drain(5_000);
    s = await stage(null, { feed, port });
    await s.until('credit', ({ nodes }) => nodes[0]?.credited?.n === n);
    expect(failures(await traffic.stop())).toBe(0);
  }, 30_000);

  it('an Envoy that was killed gets everything again', async () => {
    await envoy.kill();
    await s.until('disconnect', ({ nodes }) => nodes[0]?.connected === false);
    n += 1;
    feed.set(split(10_000)(n));
    await envoy.start();
    await s.until('credit', ({ nodes }) => nodes[0]?.connected === true && nodes[0]?.credited?.n === n);
    expect((await call()).body).toBe('v2');
  }, 30_000);
});
