import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryPath } from './binaries.ts';
import type { XdsMode } from './envoy-bootstrap.ts';
import { type EnvoyProcess, envoyProcess } from './envoy-process.ts';
import { answers, freePort, type RunningProcess, startProcess } from './processes.ts';
import { type PrometheusProcess, startPrometheus } from './prometheus-process.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { startUpstream, type Upstream } from './upstream.ts';

export type Undo = () => Promise<void>;

export interface InstallationOptions {
  /** How to run the `serin` program: arguments for node. */
  readonly program: readonly string[];
  /** `dev` brings its own store; `serve` gets a server on a port, which a test can kill. */
  readonly mode: 'dev' | 'serve';
  /** How many, or how each of them is told. */
  readonly envoys: number | readonly XdsMode[];
  /** More lines for `serin.yaml`. */
  readonly config?: string;
  /** More of `xds` in it. */
  readonly xds?: string;
  /** What Envoys connect to instead of the xDS port, by their number from 1: a proxy that can be cut. */
  readonly between?: (envoy: number, xdsPort: number) => Promise<number>;
  readonly revisions: readonly string[];
  readonly undo: Undo[];
}

/** A whole Serin installation, all real, all on loopback and in one temporary folder. */
export interface Installation {
  readonly server: string;
  readonly folder: string;
  readonly program: readonly string[];
  readonly envoys: readonly EnvoyProcess[];
  readonly prometheus: PrometheusProcess;
  readonly receiver: Receiver;
  /** Services by revision. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  serin: RunningProcess;
  /** `answersTo`: what says that it is there. @default /readyz */
  startSerin(answersTo?: '/livez' | '/readyz'): Promise<void>;
  redis: RunningProcess | null;
  startRedis(): Promise<void>;
}

/** Starts it piece by piece; `undo` collects how to end each piece, also when a later one fails. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { program, mode, undo, revisions } = options;
  const folder = await mkdtemp(join(tmpdir(), 'serin-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const [httpPort, xdsPort, redisPort] = [await freePort(), await freePort(), await freePort()];
  const upstreams = new Map<string, Upstream>();
  for (const name of revisions) {
    const upstream = await startUpstream(name);
    upstreams.set(name, upstream);
    undo.push(() => upstream.close());
  }
  const receiver = await startReceiver();
  undo.push(() => receiver.close());
  const envoys: EnvoyProcess[] = [];
  const modes = typeof options.envoys === 'number' ? Array<XdsMode>(options.envoys).fill('sotw') : options.envoys;
  for (const [index, mode] of modes.entries()) {
    const port = (await options.between?.(index + 1, xdsPort)) ?? xdsPort;
    const envoy = await envoyProcess(`edge-${index + 1}`, 'edge', port, mode);
    envoys.push(envoy);
    undo.push(() => envoy.close());
  }
  const prometheus = await startPrometheus(
    envoys.map(({ adminPort, nodeId }) => ({
      job: 'envoy',
      address: `127.0.0.1:${adminPort}`,
      path: '/stats/prometheus',
      labels: { node: nodeId },
    })),
  );
  undo.push(() => prometheus.close());
  const config = join(folder, 'serin.yaml');
  const redisUrl = mode === 'serve' ? `redis://127.0.0.1:${redisPort}` : null;
  await writeFile(
    config,
    `${serinConfig({ httpPort, xdsPort, prometheus: prometheus.url, webhook: receiver.url, redisUrl, xds: options.xds ?? null })}${options.config ?? ''}`,
  );
  const server = `http://127.0.0.1:${httpPort}`;
  const startRedis = () =>
    startProcess({
      command: binaryPath('valkey-server'),
      args: [
        ...['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', folder],
        ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'],
      ],
      ready: (output) => output.includes('Ready to accept connections'),
    });
  const startSerin = (answersTo = '/readyz') =>
    startProcess({
      command: process.execPath,
      args: [...program, mode, '--config', config, ...(mode === 'dev' ? ['--data', join(folder, 'store')] : [])],
      ready: () => answers(`${server}${answersTo}`),
    });
  const redis = mode === 'serve' ? await startRedis() : null;
  if (redis !== null) undo.push(async () => installation.redis?.stop());
  const serin = await startSerin().catch(async (error: unknown) => {
    await redis?.kill();
    throw error;
  });
  const installation: Installation = {
    server,
    folder,
    program,
    envoys,
    prometheus,
    receiver,
    upstreams,
    serin,
    redis,
    startSerin: async (answersTo) => {
      installation.serin = await startSerin(answersTo);
    },
    startRedis: async () => {
      installation.redis = await startRedis();
    },
  };
  undo.push(() => installation.serin.stop());
  await Promise.all(envoys.map((envoy) => envoy.start()));
  return installation;
}

interface ConfigValues {
  readonly httpPort: number;
  readonly xdsPort: number;
  readonly prometheus: string;
  readonly webhook: string;
  readonly redisUrl: string | null;
  readonly xds: string | null;
}

function serinConfig({ httpPort, xdsPort, prometheus, webhook, redisUrl, xds }: ConfigValues): string {
  return `${redisUrl === null ? '' : `redis: { url: "${redisUrl}" }\n`}http: { port: ${httpPort} }
xds: { port: ${xdsPort}${xds === null ? '' : `, ${xds}`} }
prometheus: { url: "${prometheus}", timeout: 2s }
fleets:
  - name: edge
    metrics: { selector: { job: envoy }, nodeLabel: node, nodeFrom: id, scrapeInterval: 1s }
notifiers:
  - { name: deploys, type: slack, url: "${webhook}" }
`;
}

/** Ends everything, newest first; what cannot be ended does not keep the rest alive. */
export async function undoAll(undo: Undo[], say: (line: string) => void): Promise<void> {
  for (const step of undo.splice(0).reverse()) {
    await step().catch((error: unknown) => say(`clean-up: ${error instanceof Error ? error.message : 'failed'}`));
  }
}
