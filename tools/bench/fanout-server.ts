import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedRedis } from '../../src/adapters/store/embedded-redis.ts';
import { createRedisStore } from '../../src/adapters/store/redis-store.ts';
import { createXdsServer } from '../../src/adapters/xds/xds-server.ts';
import { FleetLedgers } from '../../src/core/fleet/fleet-ledgers.ts';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import type { Commit } from '../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { createSystemClock } from '../../src/platform/system-clock.ts';
import { quiet } from '../../test/support/quiet-logger.ts';
import { BENCH, benchBackend, benchRoutes } from './fanout/bench-table.ts';
import { servePushes, type Wait } from './fanout/push-api.ts';

/**
 * Serin's store and xDS server behind a loopback `POST /push?step=k&wait=acks|sent&streams=N`, so that a client of other
 * control planes can measure it beside them. Any node is served. A step takes the ordinary path: a commit in Redis,
 * the change stream, the snapshot, the streams, their ACKs.
 *
 * `npm run bench:fanout-server -- --xds-port 18000 --http-port 18001 --routes 500`
 */
const { values } = parseArgs({
  options: {
    'xds-port': { type: 'string', default: '18000' },
    'http-port': { type: 'string', default: '18001' },
    routes: { type: 'string', default: '1' },
  },
});
const DEADLINE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'serin-fanout-'));
const started = await startEmbeddedRedis({ dir: folder, searchFolders: [resolve('.tools/bin')], logger: quiet });
if (started.kind !== 'started') throw new Error(started.detail);
const store = createRedisStore({ connection: { socketPath: started.redis.socketPath }, logger: quiet });

async function commit(traffic: Commit['traffic']): Promise<number> {
  const outcome = await store.records.commit({ ...EMPTY_COMMIT, traffic });
  const n = outcome.kind === 'committed' ? outcome.fleets[BENCH]?.n : undefined;
  if (n === undefined) throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  return n;
}

await commit([
  {
    fleet: BENCH,
    owner: `listener/${BENCH}`,
    value: { kind: 'listener', listener: BENCH, address: '127.0.0.1', port: 10_000 },
  },
  { fleet: BENCH, owner: `route/${BENCH}`, value: benchRoutes(Number(values.routes)) },
  { fleet: BENCH, owner: `backend/${BENCH}`, value: benchBackend(0) },
]);
const clock = createSystemClock();
const ledgers = new FleetLedgers(() => clock.now());
const xds = createXdsServer({
  ledgers,
  host: '127.0.0.1',
  port: Number(values['xds-port']),
  tls: null,
  traffic: store.traffic,
  fleets: [{ name: BENCH, match: {}, nodeFrom: 'id' }],
  clock,
  logger: quiet,
});
await xds.start();

/** Where each connected Envoy's route table comes from: the last one that it was handed. */
const handed = (node: FleetNode) => node.types.find(({ type }) => type === 'route')?.sent ?? null;

/** Commits a step; resolves with its fleet revision once so many nodes have credited it, or were handed it. */
function commitAndWait(step: number, streams: number, wait: Wait): Promise<number> {
  return new Promise((done, fail) => {
    const late = setTimeout(() => end(), DEADLINE_MS);
    const before = new Map(xds.view.state(BENCH).nodes.map((node) => [node.nodeId, handed(node)]));
    let changes = 0;
    let n: number | null = null;
    const look = () => {
      // A look at all nodes costs; before so many changes it would be in vain.
      if (n === null || changes < streams) return;
      const at = n;
      // A step that changes nothing is not sent.
      const there = (node: FleetNode) =>
        (node.credited?.n ?? 0) >= at || (wait === 'sent' && handed(node) !== before.get(node.nodeId));
      const { nodes } = xds.view.state(BENCH);
      if (nodes.filter((node) => node.connected && there(node)).length >= streams) end(at);
    };
    const unwatch = ledgers.watch((_fleet, change) => {
      if (wait === 'acks' && change !== 'told') return;
      changes += 1;
      look();
    });
    const end = (reached?: number) => {
      clearTimeout(late);
      unwatch();
      if (reached === undefined) fail(new Error(`not all streams within ${DEADLINE_MS} ms`));
      else done(reached);
    };
    commit([{ fleet: BENCH, owner: `backend/${BENCH}`, value: benchBackend(step) }]).then((committed) => {
      n = committed;
      look();
    }, fail);
  });
}

const http = await servePushes(Number(values['http-port']), {
  ready: () => xds.loaded().includes(BENCH),
  push: async (step, streams, wait) => String(await commitAndWait(step, streams, wait)),
});
console.log(JSON.stringify({ xds: xds.port, http }));

async function stop(): Promise<void> {
  await xds.stop();
  store.close();
  if (started.kind === 'started') await started.redis.stop();
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
