import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { binaryPath } from '../../test/support/binaries.ts';
import build from '../../test/support/built-program.ts';
import { answers, freePort, startProcess, waitFor } from '../../test/support/processes.ts';
import { percentile } from './percentile.ts';
import { residentMb } from './process-cost.ts';

/**
 * How long the engine takes from its start until it is ready, and what it holds in memory when nothing happens.
 * `npm run bench:start`; the last line is one JSON object.
 */
const RUNS = 10;
/** Idle means: no Envoy, no rollout, and the garbage of the start had this long to go, ms. */
const IDLE_MS = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'serin-bench-'));
build();

async function timed(mode: 'serve' | 'dev', redisUrl: string | null, idleMs: number): Promise<[number, number]> {
  const [http, xds] = [await freePort(), await freePort()];
  const config = join(folder, `${mode}.yaml`);
  const redis = redisUrl === null ? '' : `redis: { url: "${redisUrl}" }\n`;
  writeFileSync(config, `${redis}http: { port: ${http} }\nxds: { port: ${xds} }\n`);
  const startMs = performance.now();
  const engine = await startProcess({
    command: process.execPath,
    args: [
      resolve('dist/main.js'),
      mode,
      '--config',
      config,
      ...(mode === 'dev' ? ['--data', join(folder, 'dev')] : []),
    ],
  });
  try {
    await waitFor(() => answers(`http://127.0.0.1:${http}/readyz`), { everyMs: 5, what: 'readiness' });
    const readyMs = performance.now() - startMs;
    await new Promise((done) => setTimeout(done, idleMs));
    return [readyMs, residentMb(engine.pid)];
  } finally {
    await engine.stop();
  }
}

const port = await freePort();
const redis = await startProcess({
  command: binaryPath('valkey-server'),
  args: [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--maxmemory-policy',
    'noeviction',
  ],
  ready: (output) => output.includes('Ready to accept connections'),
});
try {
  const url = `redis://127.0.0.1:${port}`;
  const runs = { serve: [] as number[], dev: [] as number[] };
  for (let i = 0; i < RUNS; i += 1) {
    runs.serve.push((await timed('serve', url, 0))[0]);
    runs.dev.push((await timed('dev', null, 0))[0]);
  }
  const [, idleRssMb] = await timed('serve', url, IDLE_MS);
  const result = {
    runs: RUNS,
    serveReadyMsP50: Math.round(percentile(runs.serve, 0.5)),
    serveReadyMsMax: Math.round(Math.max(...runs.serve)),
    devReadyMsP50: Math.round(percentile(runs.dev, 0.5)),
    devReadyMsMax: Math.round(Math.max(...runs.dev)),
    idleRssMb,
  };
  console.log(`start to ready, serve: ${result.serveReadyMsP50} ms (p50), ${result.serveReadyMsMax} ms (max)`);
  console.log(`start to ready, dev:   ${result.devReadyMsP50} ms (p50), ${result.devReadyMsMax} ms (max)`);
  console.log(`resident memory, idle: ${result.idleRssMb} MiB`);
  console.log(JSON.stringify(result));
} finally {
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}
