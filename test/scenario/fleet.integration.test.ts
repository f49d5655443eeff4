import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { rolloutEvents, serin, serinJson, until } from '../support/cli.ts';
import { type CutProxy, cutProxy } from '../support/cut-proxy.ts';
import { REFUSED_PATTERN } from '../support/envoy-bootstrap.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { type Load, startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

/**
 * Three real Envoys, each told in another way: state of the world, delta, and routes on a stream of their own. The
 * third one's line to Serin can be cut. Three services, so that rollouts meet in one table.
 */
const undo: Undo[] = [];
let world: Installation;
let line: CutProxy;
let load: Load;
let count = 0;

const SERVICES = ['shop', 'cart', 'search'] as const;

function service(name: string, stable: string, path: string): string {
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${name} }
spec:
  fleet: edge
  hostnames: ["${name}.example.com"]
  rules: [{ name: all, matches: [{ path: { type: PathPrefix, value: ${path} } }], backend: ${name}, timeout: 5s }]
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${name} }
spec:
  healthCheck: { path: /healthz, interval: 1s, timeout: 8s }
  initial: { revision: r0, endpoints: { static: ["${stable}"] } }
---
${plan(name, 'quick', '[{ weight: 10 }, { weight: 50 }]')}${plan(name, 'held', '[{ weight: 10, hold: 10m }]')}${plan(
  name,
  'gated',
  '[{ weight: 10, approve: true }, { weight: 50, hold: 1s }]',
)}${plan(
  name,
  'steady',
  '[{ weight: 10, hold: 2s }, { weight: 50, hold: 2s }]',
)}${plan(name, 'patient', '[{ weight: 10 }, { weight: 50, hold: 1s }]', 'ackTimeout: 2s\n  onLaggard: exclude')}${plan(
  name,
  'refused',
  `[{ weight: 10, matches: [{ headers: [{ name: x-tester, type: RegularExpression, value: "${REFUSED_PATTERN}" }] }] }]`,
)}`;
}

function plan(backend: string, name: string, steps: string, more = ''): string {
  return `apiVersion: serin.dev/v1\nkind: Plan\nmetadata: { name: ${backend}-${name} }\nspec:\n  backend: ${backend}\n  strategy:\n    steps: ${steps}\n  deadline: 10m\n  notify: [deploys]\n  ${more}\n---\n`;
}

const address = (revision: string): string => world.upstreams.get(revision)?.address ?? '';
const failures = (from: number) => load.samples.slice(from).filter(({ status }) => status !== 200);

/** Starts a rollout of a fresh revision that runs on one of the two upstreams. */
async function start(planName: string, endpoints = address(count % 2 === 0 ? 'r1' : 'r0')): Promise<string> {
  count += 1;
  const args = ['rollout', 'start', planName, '--revision', `v${count}`, '--endpoints', endpoints];
  return (await serinJson<RolloutBody>(world, args)).id;
}

/** Who answers one request. `fetch` would not let the host be chosen. */
function servedBy(port: number | undefined, host: string): Promise<string> {
  return new Promise((done, fail) => {
    get({ host: '127.0.0.1', port, headers: { host } }, (response) => {
      response.resume();
      done(String(response.headers['x-served-by'] ?? ''));
    }).once('error', fail);
  });
}

const atStep = (id: string, index: number) =>
  until(world, id, ({ step, push }) => step?.index === index && push?.liveAt != null);

beforeAll(async () => {
  world = await startInstallation({
    program: PROGRAM,
    mode: 'serve',
    envoys: ['sotw', 'delta', 'own route stream'],
    config: 'timing: { disconnectGrace: 2s }\n',
    between: async (envoy, xdsPort) => {
      if (envoy !== 3) return xdsPort;
      line = await cutProxy(xdsPort);
      undo.push(() => line.close());
      return line.port;
    },
    revisions: ['r0', 'r1'],
    undo,
  });
  const file = join(world.folder, 'services.yaml');
  await writeFile(file, SERVICES.map((name) => service(name, address('r0'), '/')).join('---\n'));
  await serinJson(world, ['apply', '-f', file]);
  load = startLoad({
    ports: world.envoys.map(({ listenPort }) => listenPort),
    host: 'shop.example.com',
    path: '/',
    rate: 150,
  });
  undo.push(() => load.stop());
  await waitFor(() => load.samples.slice(-60).filter(({ status }) => status === 200).length === 60, {
    what: 'traffic',
  });
}, 120_000);

afterAll(async () => {
  await undoAll(undo, () => {});
});

describe('three Envoys, each told in another way', () => {
  it('take a rollout from the drill to the promotion without a failed request', { timeout: 60_000 }, async () => {
    const from = load.samples.length;
    const id = await start('shop-steady');
    const done = await until(world, id, ({ phase }) => phase === 'promoted');
    expect(done.drill).toMatchObject({ stage: 'proven', backMs: expect.any(Number) });
    const events = await rolloutEvents(world, id);
    expect(events.some(({ message }) => /^edge-\d took the change/.test(message))).toBe(true);
    expect(failures(from)).toEqual([]);
  });

  it('F20: one that hangs is named, and a plan that says so goes on without it', { timeout: 120_000 }, async () => {
    const id = await start('shop-patient');
    await until(world, id, ({ phase }) => phase === 'stepping');
    const [, hanging] = world.envoys;
    hanging?.signal('SIGSTOP');
    try {
      const left = await until(world, id, ({ excluded }) => excluded.length > 0);
      expect(left.excluded).toEqual(['edge-2']);
      await until(world, id, ({ phase }) => phase === 'promoting' || phase === 'promoted');
    } finally {
      hanging?.signal('SIGCONT');
    }
    await until(world, id, ({ phase }) => phase === 'promoted');
    await waitFor(
      () => world.receiver.messages.some(({ text }) => text.includes('do not answer') && text.includes('edge-2')),
      {
        what: 'the message that names it',
      },
    );
  });

  it('F18: a refusal stays on one Envoy and with its rollout; two others in the same table go on', {
    timeout: 120_000,
  }, async () => {
    const others = [await start('cart-gated'), await start('search-gated')];
    // Both are in the middle, however long the commands take.
    for (const id of others) await until(world, id, ({ gate }) => gate !== null);
    const refused = await start('shop-refused');
    const back = await until(world, refused, ({ phase }) => phase === 'rolled_back' || phase === 'failed');
    expect(back.cause).toMatchObject({ kind: 'nack', node: expect.stringMatching(/^edge-\d$/) });
    for (const id of others) {
      await serinJson(world, ['rollout', 'approve', id]);
      const done = await until(world, id, ({ phase }) => phase === 'promoted');
      expect(done.cause).toBeNull();
    }
  });

  it('F16/F21: one that was cut off during promotion and clean-up serves without a failure, and catches up', {
    timeout: 120_000,
  }, async () => {
    const from = load.samples.length;
    const id = await start('shop-steady');
    await atStep(id, 0);
    line.cut();
    await until(world, id, ({ phase }) => phase === 'promoted');
    const next = await start('shop-quick');
    await until(world, next, ({ phase }) => phase === 'promoted');
    line.mend();
    const stable = (await serinJson<RolloutBody>(world, ['rollout', 'get', next])).revision;
    const runsOn = Number(stable.slice(1)) % 2 === 1 ? 'r1' : 'r0';
    const port = world.envoys[2]?.listenPort;
    await waitFor(async () => (await servedBy(port, 'shop.example.com')) === runsOn, {
      what: 'the third Envoy to serve what is stable now',
    });
    expect(failures(from)).toEqual([]);
  });

  it('a cluster that hangs while it warms holds nobody up who goes back', { timeout: 120_000 }, async () => {
    const rolling = await start('cart-held');
    await atStep(rolling, 0);
    // Takes connections and never answers: its health check is undecided for 8 s.
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const port = (silent.address() as { port: number }).port;
    try {
      const warming = await start('search-quick', `127.0.0.1:${port}`);
      await until(world, warming, ({ phase, push }) => phase === 'preparing' && push?.probe != null);
      await serinJson(world, ['rollout', 'abort', rolling, '--reason', 'enough']);
      const back = await until(world, rolling, ({ phase }) => phase === 'aborted');
      expect(back.push?.ackMs).toBeLessThan(8_000);
      expect(await serinJson<RolloutBody>(world, ['rollout', 'get', warming])).toMatchObject({ phase: 'preparing' });
      await serinJson(world, ['rollout', 'abort', warming, '--reason', 'never ready']);
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  it('F35: without an engine the traffic stays as it is, and the rollout goes on afterwards', {
    timeout: 120_000,
  }, async () => {
    const id = await start('shop-held');
    await atStep(id, 0);
    const from = load.samples.length;
    await world.serin.kill();
    await waitFor(() => load.samples.length > from + 150 * 5, { what: 'five seconds without an engine' });
    const shares = load.samples.slice(from).filter(({ servedBy }) => servedBy === (count % 2 === 1 ? 'r1' : 'r0'));
    expect(failures(from)).toEqual([]);
    const share = shares.length / (load.samples.length - from);
    expect(share).toBeGreaterThan(0.04);
    expect(share).toBeLessThan(0.2);
    await world.startSerin();
    const stopped = await serin(world, ['rollout', 'abort', id, '--reason', 'seen enough']);
    expect(stopped.code).toBe(0);
    await until(world, id, ({ phase }) => phase === 'aborted');
  });
});
