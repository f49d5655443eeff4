import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { createRedisStore } from '../../src/adapters/store/redis-store.ts';
import { binaryPath } from '../../test/support/binaries.ts';
import build from '../../test/support/built-program.ts';
import { type Undo, undoAll } from '../../test/support/installation.ts';
import { answers, freePort, type RunningProcess, startProcess, waitFor } from '../../test/support/processes.ts';
import { quiet } from '../../test/support/quiet-logger.ts';
import { percentile } from './percentile.ts';
import { cpuMs, machineCpuMs, othersPct, residentMb } from './process-cost.ts';
import { bucketsOf, grown, quantile, total } from './scale/histogram.ts';
import { fleetCommit, fleetName, ROLLOUTS_PER_FLEET } from './scale/scene.ts';
import { startTool } from './start-tool.ts';

/**
 * `npm run bench:scale [-- counts…]`: so many rollouts at once on one engine (`serin serve`, as built) and one Redis
 * with AOF. All are judged, each every 15 s by a step of 5 minutes that is spread over them; one in 300 a second goes on
 * to its next step, which its Envoys get and ACK. Half of them are judged against stable (`sequential`, the default), half by
 * limits (`threshold`); one in four has too few requests and is held.
 *
 * Real: the engine, its process, Redis, HTTP to the metrics source, gRPC to the Envoys. Not real: the rollouts begin in
 * their first step, written to the store as the engine would have left them; Prometheus and the Envoys (two for each
 * 160 rollouts) are stand-ins, in processes of their own but on the same cores, that answer at once.
 *
 * Lateness is the engine's own `serin_tick_lateness_seconds`, to the end of the look: the measuring and the commit are
 * in it. `redisOpsPerS` is what Redis counts, commands in scripts included. `othersPct`: what the machine did beside;
 * with much of it the times say little, and CPU time per tick more. `idleCpuPct` is what the engine takes with all its
 * rollouts loaded and all Envoys there while nothing is due; `ownCpuUsPerTick` is a tick's cost without it. It falls with
 * the number of rollouts, because ticks that come together share their ways: by profile, writes to sockets cost a tick
 * 0.7 ms at 1,000 rollouts and 0.1 ms at 10,000, most of that a request of its own to the metrics source and its own
 * commands to Redis. `SERIN_BENCH_NODE_ARGS` goes to the engine's Node, as `--cpu-prof --cpu-prof-dir=/tmp`.
 */
const COUNTS = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100, 1_000, 10_000];
const STARTS = 3;
/** Nothing is due so soon: the starts and the idle time are over before, and then due times are drawn nearer. */
const LATER_MS = 3_600_000;
/** With all Envoys there and nothing due; before that, the start has so long to die down. */
const SETTLE_MS = 4_000;
const IDLE_MS = 10_000;
/**
 * Two rounds of all, in which caches and the compiler get warm: a first look reads a quarter of an hour of history, and
 * here all begin at once, which no installation does. Who cannot keep up gets so long.
 */
const WARM_UP_ROUNDS = 2;
const MAX_WARM_UP_MS = 400_000;
const CALM_MS = 15_000;
const MEASURED_MS = 45_000;
const NODE_ARGS = (process.env.SERIN_BENCH_NODE_ARGS ?? '').split(' ').filter((arg) => arg !== '');

function engineConfig(ports: { http: number; xds: number; redis: number; prometheus: number }, fleets: number): string {
  const all = Array.from({ length: fleets }, (_, i) => {
    const metrics = `{ selector: { job: ${fleetName(i)} }, nodeLabel: node, nodeFrom: id, scrapeInterval: 15s }`;
    return `  - { name: ${fleetName(i)}, metrics: ${metrics} }`;
  });
  return `redis: { url: "redis://127.0.0.1:${ports.redis}" }
http: { port: ${ports.http} }
xds: { port: ${ports.xds} }
prometheus: { url: "http://127.0.0.1:${ports.prometheus}" }
log: { level: warn }
fleets:
${all.join('\n')}
`;
}

async function numbers(redis: Redis, section: string): Promise<(name: string) => number> {
  const text = await redis.info(section);
  return (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? Number.NaN);
}

function liveEvents(exposition: string): number {
  return Number(/^serin_rollout_events_total\{type="live"\} (\d+)/m.exec(exposition)?.[1] ?? 0);
}

async function reading(
  redis: Redis,
  engine: RunningProcess,
  redisPid: number,
  standIns: readonly number[],
  http: number,
) {
  const [stats, exposition] = await Promise.all([
    numbers(redis, 'stats'),
    fetch(`http://127.0.0.1:${http}/metrics`).then((response) => response.text()),
  ]);
  return {
    atMs: performance.now(),
    cpuMs: cpuMs(engine.pid),
    redisCpuMs: cpuMs(redisPid),
    standInsCpuMs: standIns.reduce((sum, pid) => sum + cpuMs(pid), 0),
    machineMs: machineCpuMs(),
    ops: stats('total_commands_processed'),
    late: bucketsOf(exposition, 'serin_tick_lateness_seconds'),
    exposition,
  };
}

/** Everything becomes due so much earlier. The engine sees it at its next sweep. */
async function drawNearer(redis: Redis, byMs: number): Promise<void> {
  const due = '{serin}:due';
  const rows = await redis.zrangebyscore(due, Date.now() + LATER_MS / 2, '+inf', 'WITHSCORES');
  const moved: (string | number)[] = [];
  for (let i = 0; i + 1 < rows.length; i += 2) moved.push(Math.round(Number(rows[i + 1]) - byMs), rows[i] ?? '');
  for (let i = 0; i < moved.length; i += 1_000) await redis.zadd(due, ...moved.slice(i, i + 1_000));
}

async function measure(rollouts: number, folder: string, undo: Undo[]) {
  const fleets = Math.ceil(rollouts / ROLLOUTS_PER_FLEET);
  const [redisPort, http, xds] = [await freePort(), await freePort(), await freePort()];
  const server = await startProcess({
    command: binaryPath('valkey-server'),
    args: [
      ...['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'],
    ],
    ready: (output) => output.includes('Ready to accept connections'),
  });
  undo.push(() => server.stop());
  const redis = new Redis(redisPort, '127.0.0.1');
  undo.push(async () => redis.disconnect());
  const [prometheus, { port: prometheusPort = 0 }] = await startTool('tools/bench/scale/prometheus.ts', []);
  undo.push(() => prometheus.stop());

  const usedBefore = (await numbers(redis, 'memory'))('used_memory');
  const store = createRedisStore({ connection: { url: `redis://127.0.0.1:${redisPort}` }, logger: quiet });
  undo.push(async () => store.close());
  const nowMs = Date.now();
  for (let fleet = 0; fleet < fleets; fleet += 1) {
    const [from, to] = [fleet, fleet + 1].map((each) => Math.floor((each * rollouts) / fleets));
    const outcome = await store.records.commit(
      fleetCommit(fleet, from ?? 0, to ?? 0, { nowMs, dueFromMs: nowMs + LATER_MS }),
    );
    if (outcome.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  }

  const config = join(folder, 'serin.yaml');
  writeFileSync(config, engineConfig({ http, xds, redis: redisPort, prometheus: prometheusPort }, fleets));
  const startEngine = async (nodeArgs: readonly string[]): Promise<[RunningProcess, number, number]> => {
    const startMs = performance.now();
    const engine = await startProcess({
      command: process.execPath,
      args: [...nodeArgs, resolve('dist/main.js'), 'serve', '--config', config],
    });
    await waitFor(() => answers(`http://127.0.0.1:${http}/readyz`), { everyMs: 5, what: () => engine.output() });
    return [engine, performance.now() - startMs, cpuMs(engine.pid)];
  };
  const [starts, startCpus]: [number[], number[]] = [[], []];
  for (let i = 0; i < STARTS; i += 1) {
    const [engine, startMs, startCpuMs] = await startEngine([]);
    starts.push(startMs);
    startCpus.push(startCpuMs);
    await engine.stop();
  }
  const [engine] = await startEngine(NODE_ARGS);
  undo.push(() => engine.stop());
  const [envoys] = await startTool('tools/bench/scale/envoys.ts', [String(xds), String(fleets)]);
  undo.push(() => envoys.stop());
  await new Promise((done) => setTimeout(done, SETTLE_MS));
  const idleFrom = { atMs: performance.now(), cpuMs: cpuMs(engine.pid) };
  await new Promise((done) => setTimeout(done, IDLE_MS));
  const idlePct = ((cpuMs(engine.pid) - idleFrom.cpuMs) / (performance.now() - idleFrom.atMs)) * 100;
  await drawNearer(redis, nowMs + LATER_MS - Date.now() - 1_000);
  const warmFrom = performance.now();
  const looks = async () => {
    const response = await fetch(`http://127.0.0.1:${http}/metrics`);
    return total(bucketsOf(await response.text(), 'serin_tick_lateness_seconds'));
  };
  await waitFor(
    async () => (await looks()) >= WARM_UP_ROUNDS * rollouts || performance.now() - warmFrom > MAX_WARM_UP_MS,
    { timeoutMs: MAX_WARM_UP_MS + 60_000, everyMs: 1_000, what: 'the first looks' },
  );
  // What they held up is made up for.
  await new Promise((done) => setTimeout(done, CALM_MS));

  const first = await reading(redis, engine, server.pid, [prometheus.pid, envoys.pid], http);
  await new Promise((done) => setTimeout(done, MEASURED_MS));
  const last = await reading(redis, engine, server.pid, [prometheus.pid, envoys.pid], http);
  const seconds = (last.atMs - first.atMs) / 1_000;
  const late = grown(first.late, last.late);
  const engineMs = last.cpuMs - first.cpuMs;
  const ownMs = (['cpuMs', 'redisCpuMs', 'standInsCpuMs'] as const).reduce((sum, of) => sum + last[of] - first[of], 0);
  const counted = (await (await fetch(`http://127.0.0.1:${prometheusPort}/counted`)).json()) as Record<string, number>;
  if (counted.unknown !== 0) throw new Error(`${counted.unknown} queries that the stand-in does not know`);
  const live = liveEvents(last.exposition) - liveEvents(first.exposition);
  const usedAfter = (await numbers(redis, 'memory'))('used_memory');
  if (engine.exited()) throw new Error(engine.output());
  return {
    rollouts,
    latenessMsP50: round(quantile(late, 0.5) * 1_000),
    latenessMsP99: round(quantile(late, 0.99) * 1_000),
    ticksPerS: round(total(late) / seconds),
    stepsPerS: round(live / seconds),
    idleCpuPct: round(idlePct),
    cpuPct: round(engineMs / seconds / 10),
    redisCpuPct: round((last.redisCpuMs - first.redisCpuMs) / seconds / 10),
    cpuUsPerTick: Math.round((engineMs * 1_000) / total(late)),
    ownCpuUsPerTick: Math.round(((engineMs - idlePct * seconds * 10) * 1_000) / total(late)),
    rssMb: residentMb(engine.pid),
    redisOpsPerS: Math.round((last.ops - first.ops) / seconds),
    bytesPerRollout: Math.round((usedAfter - usedBefore) / rollouts),
    othersPct: othersPct(last.machineMs - first.machineMs, ownMs, seconds),
    startMs: Math.round(percentile(starts, 0.5)),
    startCpuMs: Math.round(percentile(startCpus, 0.5)),
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;

build();
const runs: Awaited<ReturnType<typeof measure>>[] = [];
for (const rollouts of COUNTS) {
  const undo: Undo[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'serin-scale-'));
  undo.push(async () => rmSync(folder, { recursive: true, force: true }));
  try {
    runs.push(await measure(rollouts, folder, undo));
    console.table(runs.slice(-1));
  } finally {
    await undoAll(undo, (line) => console.error(line));
  }
}
console.table(runs);
console.log(JSON.stringify({ runs }));
