import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryPath } from './binaries.ts';
import type { Undo } from './installation.ts';
import { answers, freePort, type RunningProcess, startProcess } from './processes.ts';
import { PROGRAM } from './program.ts';

/** A store for replicas without Envoys and Prometheus; it keeps nothing over its end. */
export interface BareStore {
  readonly folder: string;
  readonly port: number;
  readonly process: RunningProcess;
}

export interface BareReplica {
  readonly server: string;
  readonly program: readonly string[];
  readonly xds: number;
  readonly process: RunningProcess;
}

export async function bareStore(undo: Undo[]): Promise<BareStore> {
  const folder = await mkdtemp(join(tmpdir(), 'serin-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const redis = await startProcess({
    command: binaryPath('valkey-server'),
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ready: (output) => output.includes('Ready to accept connections'),
  });
  undo.push(() => redis.kill());
  return { folder, port, process: redis };
}

/** `serin serve`, ready. */
export async function bareReplica(options: {
  readonly name: string;
  readonly store: BareStore;
  readonly undo: Undo[];
  /** More lines for `serin.yaml`. */
  readonly config?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly readyMs?: number;
}): Promise<BareReplica> {
  const { name, store, undo, config = '', args = [], env, readyMs } = options;
  const [http, xds] = [await freePort(), await freePort()];
  const file = join(store.folder, `${name}.yaml`);
  const redis = `redis: { url: "redis://127.0.0.1:${store.port}" }`;
  await writeFile(file, `${redis}\nhttp: { port: ${http} }\nxds: { port: ${xds} }\n${config}`);
  const server = `http://127.0.0.1:${http}`;
  const running = await startProcess({
    command: process.execPath,
    args: [...PROGRAM, 'serve', '--config', file, ...args],
    ...(env === undefined ? {} : { env }),
    ...(readyMs === undefined ? {} : { readyMs }),
    ready: () => answers(`${server}/readyz`),
  });
  undo.push(() => running.kill());
  return { server, program: PROGRAM, xds, process: running };
}
