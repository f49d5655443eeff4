import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaryPath } from '../../test/support/binaries.ts';
import { type CutProxy, cutProxy } from '../../test/support/cut-proxy.ts';
import { type EnvoyProcess, envoyProcess } from '../../test/support/envoy-process.ts';
import type { Undo } from '../../test/support/installation.ts';
import { freePort, type RunningProcess, startProcess } from '../../test/support/processes.ts';
import { startPrometheus } from '../../test/support/prometheus-process.ts';
import { startUpstream } from '../../test/support/upstream.ts';
import { webhookReceiver } from '../../test/support/webhook-receiver.ts';
import { BAD_REVISION } from './check-history.ts';
import { type EngineSeat, engineSeat } from './engine-seat.ts';
import type { Message } from './history.ts';

export const FLEET = 'edge';
export const BACKENDS = ['anvil', 'bellows', 'crucible'] as const;
export const hostOf = (backend: string): string => `${backend}.example.com`;

/** Everything real, on loopback and in one folder, and between all of it lines that can be cut. */
export interface Plant {
  readonly engines: readonly EngineSeat[];
  readonly envoys: readonly EnvoyProcess[];
  /** The line of each Envoy to the replicas: its own one while that is up, else the next. */
  readonly lines: readonly CutProxy[];
  /** From each replica to the store. Whoever looks past the engines has its own way. */
  readonly storeLines: readonly CutProxy[];
  /** From all replicas to Prometheus, and to the receiver. */
  readonly metricsLine: CutProxy;
  readonly receiverLine: CutProxy;
  readonly redisPort: number;
  redis(): RunningProcess;
  startRedis(): Promise<void>;
  /** What the receiver took. */
  readonly messages: readonly Message[];
  /** Addresses by what they do: two that work and one that fails. */
  readonly addresses: { readonly good: readonly string[]; readonly bad: string };
}

const REPLICAS = 3;
/** Long enough that a crash falls into it, ms. */
const RECEIVER_DELAY_MS = 30;

export async function startPlant(options: {
  readonly program: readonly string[];
  readonly undo: Undo[];
  /** More lines for `serin.yaml`. */
  readonly settings: string;
  readonly onOwnEnd: (words: string) => void;
}): Promise<Plant> {
  const { program, undo, settings, onOwnEnd } = options;
  const folder = await mkdtemp(join(tmpdir(), 'serin-fault-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const upstreams = [];
  for (const name of ['good-1', 'good-2', BAD_REVISION]) {
    const upstream = await startUpstream(name);
    undo.push(() => upstream.close());
    upstreams.push(upstream);
  }
  const [one, two, bad] = upstreams;
  if (one === undefined || two === undefined || bad === undefined) throw new Error('no upstreams');
  bad.failShare = 0.5;
  const line = async (toPort: number | (() => number)) => {
    const one = await cutProxy(toPort);
    undo.push(() => one.close());
    return one;
  };
  const { url, messages } = await startReceiver(undo);
  const receiverLine = await line(Number(new URL(url).port));

  const redisPort = await freePort();
  let redis: RunningProcess | null = null;
  const startRedis = async () => {
    redis = await startProcess({
      command: binaryPath('valkey-server'),
      args: [
        ...['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', folder],
        ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'],
      ],
      ready: (output) => output.includes('Ready to accept connections'),
    });
  };
  await startRedis();
  undo.push(async () => redis?.stop());

  const engines: EngineSeat[] = [];
  const lines: CutProxy[] = [];
  const envoys: EnvoyProcess[] = [];
  for (let i = 0; i < REPLICAS; i += 1) {
    const own = await line(() => nearest(engines, i));
    lines.push(own);
    const envoy = await envoyProcess(`edge-${i + 1}`, FLEET, own.port, i === 1 ? 'delta' : 'sotw');
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
  const metricsLine = await line(Number(new URL(prometheus.url).port));
  const through = (address: string, { port }: CutProxy) => Object.assign(new URL(address), { port: String(port) }).href;
  const config = `prometheus: { url: "${through(prometheus.url, metricsLine)}", timeout: 2s }
fleets:
  - name: ${FLEET}
    metrics: { selector: { job: envoy }, nodeLabel: node, nodeFrom: id, scrapeInterval: 1s }
notifiers:
  - { name: deploys, type: generic, url: "${through(url, receiverLine)}" }
timing: { retireAfter: 20s }
${settings}`;
  const storeLines: CutProxy[] = [];
  for (let i = 0; i < REPLICAS; i += 1) {
    const store = await line(redisPort);
    storeLines.push(store);
    const own = `redis: { url: "redis://127.0.0.1:${store.port}" }\n${config}`;
    const seat = await engineSeat({ name: `engine-${i + 1}`, folder, program, config: own, onOwnEnd });
    engines.push(seat);
    undo.push(() => seat.close());
  }
  return {
    engines,
    envoys,
    lines,
    storeLines,
    metricsLine,
    receiverLine,
    redisPort,
    redis: () => {
      if (redis === null) throw new Error('no store');
      return redis;
    },
    startRedis,
    messages,
    addresses: { good: [one.address, two.address], bad: bad.address },
  };
}

function nearest(engines: readonly EngineSeat[], from: number): number {
  const inTurn = [...engines.slice(from), ...engines.slice(0, from)];
  return (inTurn.find((seat) => seat.isUp()) ?? inTurn[0])?.xdsPort ?? 0;
}

/** Takes every message, after a moment. */
async function startReceiver(undo: Undo[]): Promise<{ readonly url: string; readonly messages: readonly Message[] }> {
  const receiver = await webhookReceiver();
  undo.push(() => receiver.close());
  const messages: Message[] = [];
  receiver.answer((response) => {
    const request = receiver.received.at(-1);
    setTimeout(() => {
      if (request === undefined) return;
      const notice = JSON.parse(request.body) as Message['notice'];
      messages.push({ atMs: Date.now(), webhookId: String(request.headers['webhook-id'] ?? ''), notice });
      response.writeHead(200).end('ok');
    }, RECEIVER_DELAY_MS);
  });
  return { url: receiver.url, messages };
}
