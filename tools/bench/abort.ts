import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Result } from '../../src/core/model/errors.ts';
import { type Client, createClient } from '../../src/surfaces/api/client.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { binaryPath } from '../../test/support/binaries.ts';
import build from '../../test/support/built-program.ts';
import { envoyProcess } from '../../test/support/envoy-process.ts';
import { type Undo, undoAll } from '../../test/support/installation.ts';
import { answers, freePort, startProcess } from '../../test/support/processes.ts';
import { startUpstream } from '../../test/support/upstream.ts';
import { percentile } from './percentile.ts';
import { startTool } from './start-tool.ts';

/**
 * `npm run bench:abort [-- --routes 1000 --samples 30]`: a person aborts a rollout that stands at 50 %. Measured from
 * the HTTP request to the last Envoy's ACK of the routes back on stable, as the record says it; `durable`: to the HTTP
 * answer, which follows the commit (`appendfsync always`). On one engine as built and one Redis, with 1 and 3 real
 * Envoys, and 100 and 1,000 stand-ins over bare HTTP/2 in a process of their own, which look at nothing and ACK at once.
 * Every rollout takes the whole way: trial, drill, step.
 */
const { values } = parseArgs({
  options: { routes: { type: 'string', default: '1000' }, samples: { type: 'string', default: '30' } },
});
const FLEETS: readonly { readonly nodes: number; readonly real: boolean }[] = [
  { nodes: 1, real: true },
  { nodes: 3, real: true },
  { nodes: 100, real: false },
  { nodes: 1_000, real: false },
];
const ROUTES = Number(values.routes);
const SAMPLES = Number(values.samples);
const RULES_PER_DOCUMENT = 250;
const WAIT_MS = 10_000;

type Phase = RolloutBody['phase'];
type Rolling = RolloutBody;

function ok<T>(result: Result<T>): T {
  if (result.kind === 'ok') return result.value;
  throw new Error(result.errors.map(({ code, message }) => `${code} ${message}`).join('; '));
}

function documents(upstream: string): { file: string; text: string }[] {
  const backend = {
    apiVersion: 'serin.dev/v1',
    kind: 'Backend',
    metadata: { name: 'shop' },
    spec: { endpoints: { dns: upstream.replace('127.0.0.1', 'localhost') }, initial: 'v0' },
  };
  const plan = {
    apiVersion: 'serin.dev/v1',
    kind: 'Plan',
    metadata: { name: 'shop' },
    spec: { backend: 'shop', strategy: { steps: [{ name: 'half', weight: 50, approve: true }] } },
  };
  const count = Math.ceil(ROUTES / RULES_PER_DOCUMENT);
  const routes = Array.from({ length: count }, (_, k) => ({
    apiVersion: 'serin.dev/v1',
    kind: 'Route',
    metadata: { name: `shop-${k}` },
    spec: {
      fleet: 'edge',
      hostnames: [`shop-${k}.example.com`],
      rules: Array.from({ length: Math.min(RULES_PER_DOCUMENT, ROUTES - k * RULES_PER_DOCUMENT) }, (_, i) => ({
        name: `rule-${i}`,
        matches: [{ path: { type: 'PathPrefix', value: `/service/${i}` } }],
        backend: 'shop',
      })),
    },
  }));
  // JSON is YAML.
  return [backend, plan, ...routes].map((each, i) => ({ file: `${i}.yaml`, text: JSON.stringify(each) }));
}

async function reaches(client: Client, from: Rolling, wanted: (rollout: Rolling) => boolean): Promise<Rolling> {
  let now = from;
  const deadlineMs = performance.now() + 120_000;
  while (!wanted(now)) {
    const ended: readonly Phase[] = ['aborted', 'failed', 'promoted', 'rolled_back', 'superseded'];
    if (ended.includes(now.phase)) throw new Error(`the rollout is ${now.phase}: ${now.cause?.summary}`);
    if (performance.now() > deadlineMs) throw new Error(`still ${now.phase}, waiting for ${now.waitingFor}`);
    now = ok(await client.rolloutAfter(now.id, now.rev, WAIT_MS));
  }
  return now;
}

async function abortOnce(client: Client, i: number): Promise<{ ackMs: number; durableMs: number }> {
  const started = ok(await client.start({ plan: 'shop', revision: `v${i + 1}` }, null));
  const atHalf = await reaches(client, started, ({ phase, push }) => phase === 'stepping' && push?.liveAt != null);
  const sentAtMs = Date.now();
  const aborting = ok(await client.command(atHalf.id, 'abort', { reason: 'bench' }));
  const durableMs = Date.now() - sentAtMs;
  const aborted = await reaches(client, aborting, ({ phase }) => phase === 'aborted');
  const { liveAt = null } = aborted.push ?? {};
  if (liveAt === null) throw new Error('aborted without an ACK');
  return { ackMs: Date.parse(liveAt) - sentAtMs, durableMs };
}

async function measure({ nodes, real }: (typeof FLEETS)[number], folder: string, undo: Undo[]) {
  const [redisPort, http, xds] = [await freePort(), await freePort(), await freePort()];
  const redis = await startProcess({
    command: binaryPath('valkey-server'),
    args: [
      ...['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'],
    ],
    ready: (output) => output.includes('Ready to accept connections'),
  });
  undo.push(() => redis.stop());
  const upstream = await startUpstream('shop');
  undo.push(() => upstream.close());
  const config = join(folder, 'serin.yaml');
  const lines = [
    `redis: { url: "redis://127.0.0.1:${redisPort}" }`,
    `http: { port: ${http} }`,
    `xds: { port: ${xds} }`,
    'log: { level: warn }',
    'fleets: [{ name: edge }]',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const server = `http://127.0.0.1:${http}`;
  const engine = await startProcess({
    command: process.execPath,
    args: [resolve('dist/main.js'), 'serve', '--config', config],
    ready: () => answers(`${server}/readyz`),
  });
  undo.push(() => engine.stop());
  const client = createClient({ server, token: null, timeoutMs: 60_000 });
  ok(await client.apply(documents(upstream.address), false));
  if (real) {
    for (let i = 0; i < nodes; i += 1) {
      const envoy = await envoyProcess(`edge-${i + 1}`, 'edge', xds);
      undo.push(() => envoy.close());
      await envoy.start();
    }
  } else {
    const [envoys] = await startTool('tools/bench/abort/envoys.ts', [String(xds), String(nodes)]);
    undo.push(() => envoys.stop());
  }
  // The first warms up what the others run on.
  await abortOnce(client, 0);
  const samples: Awaited<ReturnType<typeof abortOnce>>[] = [];
  for (let i = 1; i <= SAMPLES; i += 1) samples.push(await abortOnce(client, i));
  const acks = samples.map(({ ackMs }) => ackMs);
  const durable = samples.map(({ durableMs }) => durableMs);
  return {
    nodes,
    real,
    routes: ROUTES,
    p50Ms: percentile(acks, 0.5),
    p99Ms: percentile(acks, 0.99),
    durableMsP50: percentile(durable, 0.5),
    durableMsP99: percentile(durable, 0.99),
  };
}

build();
const runs: Awaited<ReturnType<typeof measure>>[] = [];
for (const fleet of FLEETS) {
  const undo: Undo[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'serin-abort-'));
  undo.push(async () => rmSync(folder, { recursive: true, force: true }));
  try {
    runs.push(await measure(fleet, folder, undo));
  } finally {
    await undoAll(undo, (line) => console.error(line));
  }
}
console.table(runs);
console.log(JSON.stringify({ runs }));
