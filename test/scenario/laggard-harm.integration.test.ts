import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../../src/surfaces/api/client.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serinJson, until } from '../support/cli.ts';
import { type CutProxy, cutProxy } from '../support/cut-proxy.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { startLoad } from '../support/load.ts';
import { PROGRAM } from '../support/program.ts';

/** Two real Envoys, of which one is told nothing any more and so never ACKs, and a canary that crashes meanwhile. */
const undo: Undo[] = [];
let world: Installation;
let line: CutProxy;

const address = (revision: string): string => world.upstreams.get(revision)?.address ?? '';

beforeAll(async () => {
  world = await startInstallation({
    ...{ program: PROGRAM, mode: 'dev', envoys: 2, revisions: ['v1', 'v2'], undo },
    between: async (envoy, xdsPort) => {
      if (envoy !== 2) return xdsPort;
      line = await cutProxy(xdsPort);
      undo.push(() => line.close());
      return line.port;
    },
  });
  const documents = join(world.folder, 'shop.yaml');
  await writeFile(
    documents,
    `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules: [{ name: all, matches: [{ path: { type: PathPrefix, value: / } }], backend: shop, timeout: 1s }]
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec:
  healthCheck: { path: /healthz, interval: 1s }
  initial: { revision: v1, endpoints: { static: ["${address('v1')}"] } }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy: { steps: [{ weight: 20, hold: 1s, approve: true }, { weight: 50, hold: 5s }] }
  onLaggard: hold
  analysis: [{ use: error-rate }]
  deadline: 10m
`,
  );
  await serinJson(world, ['apply', '-f', documents]);
  const ports = world.envoys.map(({ listenPort }) => listenPort);
  const load = startLoad({ ports, host: 'shop.example.com', path: '/', rate: 250 });
  undo.push(() => load.stop());
}, 60_000);

afterAll(() => undoAll(undo, () => {}), 30_000);

it('F20: a canary that crashes while an Envoy keeps its step waiting goes back, by what the other one sees', async () => {
  const args = ['rollout', 'start', 'shop', '--revision', 'v2', '--endpoints', address('v2')];
  const { id } = await serinJson<RolloutBody>(world, args);
  const judged = ({ gate, verdicts }: RolloutBody) =>
    gate !== null && verdicts.length > 0 && verdicts.every(({ verdict }) => verdict === 'pass');
  const { gate } = await until(world, id, judged, 90_000);
  const upstream = world.upstreams.get('v2');
  if (upstream === undefined) throw new Error('no v2');
  line.hang();
  try {
    // At once: an Envoy that is silent for long is taken for one that is gone.
    const approved = await createClient({ server: world.server, token: null }).command(id, 'approve', { gate });
    expect(approved.kind).toBe('ok');
    upstream.failShare = 1;
    const waiting = await until(
      world,
      id,
      ({ weight, laggards }) => weight === 50 && laggards.join() === 'edge-2',
      30_000,
    );
    expect(waiting.push?.liveAt).toBeNull();
    const back = await until(world, id, ({ phase }) => phase !== 'stepping', 60_000);
    expect(back.phase).toBe('rolling_back');
    expect(back.cause).toMatchObject({ kind: 'analysis', verdict: { metric: 'push-guard', verdict: 'fail' } });
    expect(back.cause?.summary).toContain('(scrapes of the Envoys that have the step)');
    expect(back.history.at(-1)).toMatchObject({ weight: 50, liveAt: null });
  } finally {
    line.cut();
    line.mend();
  }
  await until(world, id, ({ phase }) => phase === 'rolled_back', 60_000);
  const replayed = await serinJson<{ differences: unknown[]; notReplayed: unknown[] }>(world, [
    'rollout',
    'replay',
    id,
  ]);
  expect([...replayed.differences, ...replayed.notReplayed]).toEqual([]);
}, 240_000);
