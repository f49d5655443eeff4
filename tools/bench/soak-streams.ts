import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runPinned } from './fanout/pinned.ts';
import type { Held, Pushed } from './fanout/push-api.ts';
import { heldBy, startSerin } from './fanout/serin-plane.ts';

/**
 * Many Envoys for a while, each over a connection of its own, with a weight step every ten seconds that all of them
 * ACK: memory and handles must not grow. `npm run soak:streams [-- --minutes M] [--streams N]`; without a number as
 * many as the limits of the machine allow, at most as many as the server takes.
 */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, streams: { type: 'string' } },
});
const STEP_MS = 10_000;
const REPORT_EVERY_STEPS = 3;
const AT_ONCE = 500;
/** Files that a process needs besides its connections. */
const SPARE_FILES = 500;

function asManyAsPossible(): number {
  const files = Number(execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }));
  const [low = 0, high = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t').map(Number);
  return Math.min(20_000, (Number.isNaN(files) ? 20_000 : files) - SPARE_FILES, high - low - SPARE_FILES);
}

const minutes = Number(values.minutes);
const streams = values.streams === undefined ? asManyAsPossible() : Number(values.streams);
const [server, ports] = await startSerin(1);
const clientArgs = [String(ports.xds), String(streams), String(AT_ONCE)];
const [clients] = await runPinned(1, 'tools/bench/fanout/client.ts', clientArgs).catch(async (cause: unknown) => {
  await server.stop();
  throw cause;
});
console.log(`${streams} connections, ${minutes} minutes`);
console.log('  minute  RSS MiB  heap MiB  handles  last step ms');
const reports: Held[] = [];
const steps: number[] = [];
const startMs = performance.now();
const endMs = startMs + minutes * 60_000;
try {
  for (let step = 1; performance.now() < endMs || reports.length < 2; step += 1) {
    const dueMs = performance.now() + STEP_MS;
    const url = `http://127.0.0.1:${ports.http}/push?step=${step}&wait=acks&streams=${streams}`;
    const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(120_000) });
    if (!response.ok) throw new Error(`step ${step}: ${response.status} ${await response.text()}`);
    const { wallMs } = (await response.json()) as Pushed;
    steps.push(wallMs);
    if (step % REPORT_EVERY_STEPS === 1) {
      const held = await heldBy(ports);
      reports.push(held);
      const minute = ((performance.now() - startMs) / 60_000).toFixed(1);
      const cells = [minute.padStart(8), String(held.rssMb).padStart(8), String(held.heapMb).padStart(9)];
      console.log([...cells, String(held.handles).padStart(8), wallMs.toFixed(0).padStart(13)].join(' '));
    }
    await sleep(Math.max(0, dueMs - performance.now()));
  }
} finally {
  await clients.kill();
  await server.stop();
}
const [first, last] = [reports.at(0), reports.at(-1)];
const summary = {
  streams,
  minutes,
  steps: steps.length,
  slowestStepMs: Math.round(Math.max(...steps)),
  rssMbStart: first?.rssMb,
  rssMbEnd: last?.rssMb,
  heapMbStart: first?.heapMb,
  heapMbEnd: last?.heapMb,
  handlesStart: first?.handles,
  handlesEnd: last?.handles,
};
console.log(JSON.stringify(summary));
