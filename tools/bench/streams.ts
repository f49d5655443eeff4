import { runPinned } from './fanout/pinned.ts';
import { heldBy, startFloor, startSerin } from './fanout/serin-plane.ts';

/**
 * What an idle stream costs: memory of the server before and after so many Envoys have connected, each over its own
 * connection, and taken a table of 500 routes; beside a bare grpc-js server. `npm run bench:streams [-- streams …]`.
 */
const STREAMS = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000, 3000];
const ROUTES = 500;

async function kbPerStream(start: (routes: number) => ReturnType<typeof startSerin>, streams: number) {
  const [server, ports] = await start(ROUTES);
  try {
    // One stream first: what is made once, at the first one, is not counted.
    const [one] = await runPinned(1, 'tools/bench/fanout/client.ts', [String(ports.xds), '1']);
    const before = await heldBy(ports);
    const [clients] = await runPinned(1, 'tools/bench/fanout/client.ts', [String(ports.xds), String(streams)]);
    const after = await heldBy(ports);
    await clients.kill();
    await one.kill();
    const kb = (from: number, to: number) => Math.round((((to - from) * 1024) / streams) * 10) / 10;
    return { rss: kb(before.rssMb, after.rssMb), heap: kb(before.heapMb, after.heapMb), rssMb: after.rssMb };
  } finally {
    await server.stop();
  }
}

const runs: Record<string, number>[] = [];
for (const streams of STREAMS) {
  const own = await kbPerStream(startSerin, streams);
  const floor = await kbPerStream(startFloor, streams);
  const run = {
    streams,
    rssKbPerStream: own.rss,
    heapKbPerStream: own.heap,
    rssMb: own.rssMb,
    floorRssKbPerStream: floor.rss,
    floorHeapKbPerStream: floor.heap,
  };
  runs.push(run);
  console.log(`${streams} idle streams: ${own.rss} KiB each (heap ${own.heap}), a bare server ${floor.rss} KiB`);
}
console.log(JSON.stringify({ runs }));
