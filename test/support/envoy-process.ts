import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryPath } from './binaries.ts';
import { envoyBootstrap, type XdsMode } from './envoy-bootstrap.ts';
import { answers, freePort, type RunningProcess, startProcess } from './processes.ts';

export interface EnvoyProcess {
  readonly nodeId: string;
  readonly listenPort: number;
  readonly adminPort: number;
  /** Starts it (again) with the same bootstrap; resolves when it is LIVE. */
  start(): Promise<void>;
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

export async function envoyProcess(
  nodeId: string,
  fleet: string,
  xdsPort: number,
  mode: XdsMode = 'sotw',
): Promise<EnvoyProcess> {
  const [listenPort, adminPort, baseId] = [await freePort(), await freePort(), await freePort()];
  const folder = await mkdtemp(join(tmpdir(), 'serin-envoy-'));
  const config = join(folder, 'bootstrap.yaml');
  await writeFile(config, envoyBootstrap({ nodeId, fleet, adminPort, listenPort, xdsPort, mode }));
  const args = ['-c', config, '--base-id', String(baseId), '--concurrency', '1', '-l', 'warning'];
  let running: RunningProcess | null = null;
  const kill = async () => {
    await running?.kill();
    running = null;
  };
  return {
    nodeId,
    listenPort,
    adminPort,
    async start() {
      running = await startProcess({
        command: binaryPath('envoy'),
        args,
        ready: () => answers(`http://127.0.0.1:${adminPort}/ready`),
      });
    },
    kill,
    signal: (signal) => running?.signal(signal),
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
