import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { RolloutBody } from '../src/surfaces/api/schemas.ts';
import { serin, serinJson, until } from '../test/support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../test/support/installation.ts';
import { startLoad } from '../test/support/load.ts';
import { stopAll, waitFor } from '../test/support/processes.ts';

/**
 * Makes an export for `test/fixtures/stores/`: what the engine of a checkout (`--program …/src/main.ts`) writes, with
 * rollouts that have ended and one that is under way, judged on real Envoys. A checkout that cannot export yet is told
 * who can (`--exporter …/src/main.ts`).
 *
 * npx tsx tools/store-fixture.ts --program /tmp/old/src/main.ts --out test/fixtures/stores/v1.jsonl
 */
const { values } = parseArgs({
  options: {
    program: { type: 'string', default: 'src/main.ts' },
    exporter: { type: 'string' },
    out: { type: 'string' },
  },
});
const undo: Undo[] = [];
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const nodeArguments = (main: string): readonly string[] => ['--import', 'tsx', resolve(main)];

const DOCUMENTS = (stable: string): string => `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules:
    - { name: all, matches: [{ path: { type: PathPrefix, value: / } }], backend: shop, timeout: 5s }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec: { initial: { revision: v1, endpoints: { static: ["${stable}"] } } }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: quick }
spec: { backend: shop, strategy: { steps: [{ weight: 50 }] }, deadline: 10m, notify: [deploys] }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: judged }
spec:
  backend: shop
  strategy:
    steps:
      - { name: testers, weight: 0, matches: [{ headers: [{ name: x-tester, value: "yes" }] }], hold: 1s }
      - { name: tenth, weight: 10, hold: 2s, approve: true }
      - { name: half, weight: 50, hold: 2s }
  analysis:
    - { use: error-rate, with: { minRequests: 20 } }
    - { use: latency, with: { objective: 5s, minRequests: 20 } }
  deadline: 1h
  notify: [deploys]
`;

async function run(out: string): Promise<void> {
  const world = await startInstallation({
    program: nodeArguments(values.program),
    mode: 'serve',
    envoys: 1,
    revisions: ['v1', 'v2', 'v3', 'v4'],
    undo,
  });
  const address = (revision: string) => world.upstreams.get(revision)?.address ?? '';
  const start = (plan: string, revision: string) =>
    serinJson<RolloutBody>(world, [
      ...['rollout', 'start', plan, '--revision', revision, '--endpoints', address(revision)],
    ]);
  const file = join(world.folder, 'shop.yaml');
  writeFileSync(file, DOCUMENTS(address('v1')));
  await serinJson(world, ['apply', '-f', file]);
  const ports = world.envoys.map(({ listenPort }) => listenPort);
  const pinned = { every: 10, name: 'x-tester', value: 'yes' };
  const load = startLoad({ ports, host: 'shop.example.com', path: '/', rate: 50, pinned });
  undo.push(() => load.stop());

  say('one that is promoted');
  const promoted = await start('quick', 'v2');
  await until(world, promoted.id, ({ phase }) => phase === 'promoted');
  say('one that a person aborts');
  const aborted = await start('judged', 'v3');
  await until(world, aborted.id, ({ step }) => step?.name === 'tenth');
  await serinJson(world, ['rollout', 'abort', aborted.id, '--reason', 'wrong build']);
  await until(world, aborted.id, ({ phase }) => phase === 'aborted');
  say('one that is under way');
  world.receiver.status = 500;
  const running = await start('judged', 'v4');
  await until(world, running.id, ({ step, verdicts }) => step?.name === 'tenth' && verdicts.length > 0);
  await waitFor(async () => world.receiver.calls() > 0, { what: 'a message that is refused' });
  await world.serin.stop();
  await write(world, out);
}

async function write(world: Installation, out: string): Promise<void> {
  const program = nodeArguments(values.exporter ?? values.program);
  const exported = await serin({ ...world, program }, [
    'store',
    'export',
    '--config',
    join(world.folder, 'serin.yaml'),
  ]);
  if (exported.code !== 0) throw new Error(exported.stderr);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, exported.stdout);
  say(`${exported.stdout.split('\n').length} lines, ${Buffer.byteLength(exported.stdout)} bytes: ${out}`);
}

try {
  if (values.out === undefined) throw new Error('say --out');
  await run(values.out);
} catch (error) {
  say(error instanceof Error ? error.message : 'failed');
  process.exitCode = 1;
} finally {
  await undoAll(undo, say);
  await stopAll();
}
