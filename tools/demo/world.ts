import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type EnvoyProcess, envoyProcess } from '../../test/support/envoy-process.ts';
import { answers, freePort, startProcess } from '../../test/support/processes.ts';
import { startPrometheus } from '../../test/support/prometheus-process.ts';
import { startUpstream, type Upstream } from '../../test/support/upstream.ts';

export interface Message {
  readonly atMs: number;
  readonly text: string;
}

/** Everything the demo runs, all real, all on loopback and in one temporary folder. */
export interface World {
  readonly server: string;
  readonly folder: string;
  readonly envoys: readonly EnvoyProcess[];
  /** Services by revision. */
  readonly upstreams: Readonly<Record<'v1' | 'v2' | 'v3' | 'v4', Upstream>>;
  /** What the webhook receiver got. */
  readonly messages: readonly Message[];
  readonly serinPid: number;
}

export const CLI = resolve('dist/main.js');
type Undo = () => Promise<void>;

/** Starts it piece by piece; `undo` collects how to end each piece, in reverse order, also when a later one fails. */
export async function startWorld(undo: Undo[], say: (line: string) => void): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'serin-demo-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const [httpPort, xdsPort] = [await freePort(), await freePort()];

  say('starting upstreams, two Envoys and a Prometheus');
  const upstreams = {
    v1: await startUpstream('v1'),
    v2: await startUpstream('v2'),
    v3: await startUpstream('v3'),
    v4: await startUpstream('v4'),
  };
  undo.push(async () => void (await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()))));
  const receiver = await startReceiver();
  undo.push(receiver.close);
  const envoys = [await envoyProcess('edge-1', 'edge', xdsPort), await envoyProcess('edge-2', 'edge', xdsPort)];
  for (const envoy of envoys) undo.push(() => envoy.close());
  const prometheus = await startPrometheus(
    envoys.map((envoy) => ({
      job: 'envoy',
      address: `127.0.0.1:${envoy.adminPort}`,
      path: '/stats/prometheus',
      labels: { node: envoy.nodeId },
    })),
  );
  undo.push(() => prometheus.close());

  say('starting Serin with a store of its own');
  const config = join(folder, 'serin.yaml');
  await writeFile(config, serinConfig({ httpPort, xdsPort, prometheus: prometheus.url, webhook: receiver.url }));
  const server = `http://127.0.0.1:${httpPort}`;
  const serin = await startProcess({
    command: process.execPath,
    args: [CLI, 'dev', '--config', config, '--data', join(folder, 'store')],
    ready: () => answers(`${server}/readyz`),
  });
  undo.push(() => serin.stop());
  await Promise.all(envoys.map((envoy) => envoy.start()));
  return { server, folder, envoys, upstreams, messages: receiver.messages, serinPid: serin.pid };
}

function serinConfig(options: { httpPort: number; xdsPort: number; prometheus: string; webhook: string }): string {
  return `http: { port: ${options.httpPort} }
xds: { port: ${options.xdsPort} }
prometheus: { url: "${options.prometheus}" }
fleets:
  - name: edge
    metrics: { selector: { job: envoy }, nodeLabel: node, nodeFrom: id, scrapeInterval: 1s }
notifiers:
  - { name: deploys, type: slack, url: "${options.webhook}" }
`;
}

async function startReceiver(): Promise<{ url: string; messages: Message[]; close: Undo }> {
  const messages: Message[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const parsed: unknown = JSON.parse(body);
      const text = typeof parsed === 'object' && parsed !== null && 'text' in parsed ? String(parsed.text) : body;
      messages.push({ atMs: Date.now(), text });
      response.end('ok');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    messages,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** The documents of the demo: one route, one backend, a plan that runs by itself and one that takes its time. */
export function demoDocuments(stable: string): string {
  const plan = (name: string, hold: string) => `---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec:
  backend: checkout
  strategy:
    use: header-first
    with: { header: x-tester, value: "yes", test: 2s, weights: [10, 25, 50], hold: ${hold} }
  analysis:
    - use: error-rate
      with: { max: 0.02, minRequests: 200 }
    - use: latency
      with: { objective: 500ms, max: 0.05, minRequests: 200 }
  deadline: 5m
  notify: [deploys]
`;
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules:
    - name: checkout
      matches: [{ path: { type: PathPrefix, value: / } }]
      backend: checkout
      timeout: 5s
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: checkout }
spec:
  healthCheck: { path: /healthz, interval: 1s }
  initial: { revision: v1, endpoints: { static: ["${stable}"] } }
${plan('checkout', '3s')}${plan('checkout-slow', '10m')}`;
}
