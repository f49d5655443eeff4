import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { envoyBootstrap } from './envoy-bootstrap.ts';

export interface EnvoyProcess {
  readonly nodeId: string;
  readonly listenPort: number;
  readonly adminPort: number;
  /** Starts it (again) with the same bootstrap; resolves when it is LIVE. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

const READY_MS = 20_000;

export async function envoyProcess(nodeId: string, fleet: string, xdsPort: number): Promise<EnvoyProcess> {
  const [listenPort, adminPort, baseId] = [await freePort(), await freePort(), await freePort()];
  const folder = await mkdtemp(join(tmpdir(), 'serin-envoy-'));
  const config = join(folder, 'bootstrap.yaml');
  await writeFile(config, envoyBootstrap({ nodeId, fleet, adminPort, listenPort, xdsPort }));
  const args = ['-c', config, '--base-id', String(baseId), '--concurrency', '1', '-l', 'warning'];
  let child: ChildProcess | null = null;
  const kill = async () => {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await exited;
  };
  return {
    nodeId,
    listenPort,
    adminPort,
    async start() {
      const started = spawn(binary('envoy'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
      child = started;
      let output = '';
      started.stderr.on('data', (chunk: Buffer) => {
        output = `${output}${chunk.toString()}`.slice(-4_000);
      });
      const deadlineMs = performance.now() + READY_MS;
      while (!(await isLive(adminPort))) {
        if (started.exitCode !== null) throw new Error(`Envoy ended: ${output}`);
        if (performance.now() > deadlineMs) throw new Error(`Envoy is not ready: ${output}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    kill,
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isLive(adminPort: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${adminPort}/ready`, { signal: AbortSignal.timeout(1_000) });
    return response.status === 200;
  } catch {
    return false;
  }
}

function binary(name: string): string {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    fileURLToPath(new URL('../../../.tools/bin', import.meta.url)),
  ];
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${name} was found neither in PATH nor in .tools/bin`);
  return found;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
