import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedRedis } from '../../src/adapters/store/embedded-redis.ts';
import { createRedisStore } from '../../src/adapters/store/redis-store.ts';
import { createXdsServer } from '../../src/adapters/xds/xds-server.ts';
import { pinnedCluster } from '../../src/core/model/revision.ts';
import type { BackendTraffic } from '../../src/core/model/traffic.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { createSystemClock } from '../../src/platform/system-clock.ts';
import { backend, revision, route, rule } from '../../test/core/traffic/tables.ts';
import type { XdsMode } from '../../test/support/envoy-bootstrap.ts';
import { type EnvoyProcess, envoyProcess } from '../../test/support/envoy-process.ts';
import { type Undo, undoAll } from '../../test/support/installation.ts';
import { type Sample, startLoad } from '../../test/support/load.ts';
import { quiet } from '../../test/support/quiet-logger.ts';
import { startUpstream } from '../../test/support/upstream.ts';
import { percentile } from './percentile.ts';

/**
 * `npm run bench:steps -- --seconds 60 --rate 600`: three real Envoys (state of the world, delta, routes on a stream of
 * their own) under load. First only weights change, 0 → 100 → 0 %, every second; then clusters and header routes come
 * and go, make before break, as fast as the Envoys ACK. What counts are the answers that were not 2xx.
 */
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, rate: { type: 'string', default: '600' } },
});
const MODES: readonly XdsMode[] = ['sotw', 'delta', 'own route stream'];
const WEIGHTS = [0, 2_500, 5_000, 7_500, 10_000, 7_500, 5_000, 2_500];

const undo: Undo[] = [];
const folder = mkdtempSync(join(tmpdir(), 'serin-steps-'));
undo.push(async () => rmSync(folder, { recursive: true, force: true }));
const started = await startEmbeddedRedis({ dir: folder, searchFolders: [resolve('.tools/bin')], logger: quiet });
if (started.kind !== 'started') throw new Error(started.detail);
undo.push(() => started.redis.stop());
const store = createRedisStore({ connection: { socketPath: started.redis.socketPath }, logger: quiet });
undo.push(async () => store.close());

async function arm(name: string) {
  const upstream = await startUpstream(name);
  undo.push(() => upstream.close());
  const [host = '', port = ''] = upstream.address.split(':');
  const endpoints = { kind: 'static' as const, addresses: [{ host, port: Number(port) }] };
  const healthCheck = {
    path: '/healthz',
    intervalMs: 1_000,
    timeoutMs: 500,
    healthyThreshold: 1,
    unhealthyThreshold: 2,
  };
  return (suffix: string) => revision('shop', `${name}${suffix}`, { endpoints, healthCheck });
}

const [v1, v2] = [(await arm('v1'))(''), await arm('v2')];
const xds = createXdsServer({
  host: '127.0.0.1',
  port: 0,
  tls: null,
  traffic: store.traffic,
  fleets: [{ name: 'edge', match: {}, nodeFrom: 'id' }],
  clock: createSystemClock(),
  logger: quiet,
});

/** Commits a value for all; resolves with the time to the last of the Envoys' ACKs, ms. */
async function publish(value: BackendTraffic): Promise<number> {
  const startMs = performance.now();
  const outcome = await store.records.commit({
    ...EMPTY_COMMIT,
    traffic: [{ fleet: 'edge', owner: 'backend/shop', value }],
  });
  const n = outcome.kind === 'committed' ? outcome.fleets.edge?.n : undefined;
  if (n === undefined) throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  await new Promise<void>((done) => {
    const look = () => {
      const { nodes } = xds.view.state('edge');
      if (nodes.length < MODES.length || nodes.some(({ credited }) => (credited?.n ?? 0) < n)) return;
      stop();
      done();
    };
    const stop = xds.view.onProgress(look);
    look();
  });
  return performance.now() - startMs;
}

interface Phase {
  readonly name: string;
  readonly changes: number;
  readonly requests: number;
  readonly non2xx: number;
  readonly ackMsP50: number;
  readonly ackMsP95: number;
  readonly ackMsMax: number;
}

function figures(name: string, times: readonly number[], samples: readonly Sample[]): Phase {
  const round = (ms: number) => Math.round(ms * 10) / 10;
  return {
    name,
    changes: times.length,
    requests: samples.length,
    non2xx: samples.filter(({ status }) => status < 200 || status > 299).length,
    ackMsP50: round(percentile(times, 0.5)),
    ackMsP95: round(percentile(times, 0.95)),
    ackMsMax: round(Math.max(...times)),
  };
}

const arms = (weight: number, canary = v2('')) =>
  backend('shop', [[v1, 10_000 - weight] as const, [canary, weight] as const]);

/** One change a second, whatever the one before took. */
async function weightsOnly(untilMs: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; performance.now() < untilMs; i += 1) {
    const nextMs = performance.now() + 1_000;
    times.push(await publish(arms(WEIGHTS[i % WEIGHTS.length] ?? 0)));
    await new Promise((done) => setTimeout(done, Math.max(0, nextMs - performance.now())));
  }
  return times;
}

/** A cluster and its pinned twin come, then their routes; weights rise; routes go, then the clusters. */
async function structure(untilMs: number): Promise<number[]> {
  const times: number[] = [];
  const matches = [{ headers: [{ name: 'x-tester', type: 'Present' as const }] }];
  for (let i = 0; performance.now() < untilMs; i += 1) {
    const canary = v2(`-${i}`);
    const served = { revisions: [v1, canary], pinned: [canary.key] };
    const pins = [{ matches, cluster: pinnedCluster(canary) }];
    times.push(await publish(backend('shop', [[v1, 10_000]], served)));
    for (const weight of [1_000, 5_000, 10_000])
      times.push(await publish({ ...arms(weight, canary), ...served, pins }));
    times.push(await publish(backend('shop', [[v1, 10_000]], served)));
    times.push(await publish(backend('shop', [[v1, 10_000]])));
  }
  return times;
}

try {
  await store.records.commit({
    ...EMPTY_COMMIT,
    traffic: [
      { fleet: 'edge', owner: 'route/web', value: route('web', [rule('shop')]) },
      { fleet: 'edge', owner: 'backend/shop', value: arms(0) },
    ],
  });
  await xds.start();
  undo.push(() => xds.stop());
  const envoys: EnvoyProcess[] = [];
  for (const [i, mode] of MODES.entries()) {
    const envoy = await envoyProcess(`edge-${i + 1}`, 'edge', xds.port, mode);
    undo.push(() => envoy.close());
    await envoy.start();
    envoys.push(envoy);
  }
  await publish(arms(0));
  const load = startLoad({
    ports: envoys.map(({ listenPort }) => listenPort),
    host: 'shop',
    path: '/',
    rate: Number(values.rate),
    pinned: { every: 20, name: 'x-tester', value: 'yes' },
  });
  undo.push(() => load.stop());
  const runs: Phase[] = [];
  for (const [name, run] of [
    ['weights', weightsOnly],
    ['structure', structure],
  ] as const) {
    const from = load.samples.length;
    const times = await run(performance.now() + (Number(values.seconds) * 1_000) / 2);
    runs.push(figures(name, times, load.samples.slice(from)));
  }
  await load.stop();
  console.table(runs);
  console.log(JSON.stringify({ envoys: MODES, rate: Number(values.rate), runs }));
} finally {
  await undoAll(undo, (line) => console.error(line));
}
