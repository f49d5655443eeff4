import type { RunningProcess } from '../../test/support/processes.ts';
import { runPinned } from './fanout/pinned.ts';
import type { Pushed } from './fanout/push-api.ts';
import { type Ports, startFloor, startSerin } from './fanout/serin-plane.ts';
import { percentile } from './percentile.ts';

/**
 * From a committed weight change to the last ACK, for many Envoys, beside the floor of the runtime: a bare grpc-js
 * server that sends the same bytes, measured in the same run, alternating. `npm run bench:fanout [-- streams …]`.
 */
const STREAMS = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100, 1000, 3000];
const ROUTES = [1, 500];
const ROUNDS = 21;
const WARM_UP = 3;
interface Plane {
  readonly server: RunningProcess;
  readonly http: number;
  readonly payloadBytes: number;
  readonly clients: RunningProcess;
  readonly stormMs: number;
  readonly pushes: Pushed[];
}

async function plane(
  [server, ports]: [RunningProcess, Ports & { readonly payloadBytes?: number }],
  streams: number,
): Promise<Plane> {
  const { xds, http, payloadBytes = 0 } = ports;
  const [clients, ready] = await runPinned(1, 'tools/bench/fanout/client.ts', [String(xds), String(streams)]);
  return { server, http, payloadBytes, clients, stormMs: (ready as { stormMs: number }).stormMs, pushes: [] };
}

async function push({ http, pushes }: Plane, step: number, streams: number): Promise<void> {
  const url = `http://127.0.0.1:${http}/push?step=${step}&wait=acks&streams=${streams}`;
  const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(120_000) });
  if (!response.ok) throw new Error(`push ${step}: ${response.status} ${await response.text()}`);
  pushes.push((await response.json()) as Pushed);
}

function figures({ pushes, stormMs }: Plane, streams: number) {
  const measured = pushes.slice(WARM_UP);
  const wall = measured.map(({ wallMs }) => wallMs);
  const cpu = measured.map(({ cpuMs }) => (cpuMs * 1_000) / streams);
  return {
    wallMsP50: round(percentile(wall, 0.5)),
    wallMsP90: round(percentile(wall, 0.9)),
    cpuUsPerStream: round(percentile(cpu, 0.5)),
    rssMb: measured.at(-1)?.rssMb ?? 0,
    stormMs: round(stormMs),
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;

async function measure(streams: number, routes: number) {
  const serin = await plane(await startSerin(routes), streams);
  const floor = await plane(await startFloor(routes), streams);
  try {
    for (let step = 1; step <= WARM_UP + ROUNDS; step += 1) {
      await push(serin, step, streams);
      await push(floor, step, streams);
    }
    const [own, bare] = [figures(serin, streams), figures(floor, streams)];
    return {
      streams,
      payloadBytes: floor.payloadBytes,
      ...own,
      floorWallMsP50: bare.wallMsP50,
      floorWallMsP90: bare.wallMsP90,
      floorCpuUsPerStream: bare.cpuUsPerStream,
      floorRssMb: bare.rssMb,
      floorStormMs: bare.stormMs,
    };
  } finally {
    for (const { clients, server } of [serin, floor]) {
      await clients.kill();
      await server.stop();
    }
  }
}

const runs: Awaited<ReturnType<typeof measure>>[] = [];
console.log('streams  bytes   wall p50/p90 ms  floor   ratio   CPU µs/stream  floor   storm ms  RSS MiB');
for (const routes of ROUTES) {
  for (const streams of STREAMS) {
    const result = await measure(streams, routes);
    runs.push(result);
    const cells = [
      String(streams).padStart(7),
      String(result.payloadBytes).padStart(6),
      `${result.wallMsP50} / ${result.wallMsP90}`.padStart(17),
      String(result.floorWallMsP50).padStart(6),
      (result.wallMsP50 / result.floorWallMsP50).toFixed(2).padStart(7),
      String(result.cpuUsPerStream).padStart(14),
      String(result.floorCpuUsPerStream).padStart(6),
      String(result.stormMs).padStart(9),
      String(result.rssMb).padStart(8),
    ];
    console.log(cells.join(' '));
  }
}
console.log(JSON.stringify({ runs }));
