import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StrategyGrammar } from '../../src/core/manifest/strategy-grammar.ts';
import { isTerminal } from '../../src/core/model/phase.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { startLoad } from '../support/load.ts';
import { PROGRAM } from '../support/program.ts';

/** Every strategy that comes with Serin, with its own defaults but for its times, on a real Envoy, side by side. */
const undo: Undo[] = [];
let world: Installation;
const strategies = shippedStrategies().shipped;

const address = (revision: string): string => world.upstreams.get(revision)?.address ?? '';

/** Short times, and no person to ask. */
function quick(spec: unknown): string {
  const values = Object.entries(StrategyGrammar.parse(spec).parameters ?? {}).flatMap(([name, { type }]) => {
    // A bake has a least time of its own.
    const value = name === 'bake' ? '10s' : { duration: '1s', boolean: false, count: 2 }[type as string];
    return value === undefined ? [] : [`${name}: ${value}`];
  });
  return `{ ${values.join(', ')} }`;
}

function documents(name: string, spec: unknown, more = ''): string {
  const of = (metric: string) => `sum(envoy_cluster_${metric}{envoy_cluster_name="{{ arm.cluster }}"`;
  const readout = `[{ name: answers, users: '${of('upstream_rq_completed')}})', successes: '${of('upstream_rq_xx')},envoy_response_code_class="2"})' }]`;
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${name} }
spec:
  fleet: edge
  hostnames: [${name}.example.com]
  rules: [{ name: all, backend: ${name}, timeout: 5s }]
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${name} }
spec: { initial: { revision: v1, endpoints: { static: ["${address('v1')}"] } }${more} }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec:
  backend: ${name}
  strategy: { use: ${name}, with: ${name === 'ab-test' ? '{ iterations: 2, interval: 6s }' : quick(spec)} }
  ${name === 'ab-test' ? `readout: ${readout}` : ''}
  deadline: 5m
---
`;
}

async function apply(text: string): Promise<void> {
  const file = join(world.folder, 'strategies.yaml');
  await writeFile(file, text);
  await serinJson(world, ['apply', '-f', file]);
}

async function start(plan: string, revision: string, at: string): Promise<string> {
  const args = ['rollout', 'start', plan, '--revision', revision, '--endpoints', address(at)];
  return (await serinJson<RolloutBody>(world, args)).id;
}

/** Until it has ended; a person says yes wherever one is asked. */
async function followed(id: string): Promise<RolloutBody> {
  for (;;) {
    const seen = await until(world, id, ({ phase, gate }) => isTerminal(phase) || gate !== null, 60_000);
    if (seen.gate === null) return seen;
    const { step, attempt } = seen.gate;
    await serin(world, ['rollout', 'approve', id, '--gate', `${step}/${attempt}`]);
  }
}

beforeAll(async () => {
  world = await startInstallation({
    program: PROGRAM,
    mode: 'dev',
    envoys: 1,
    revisions: ['v1', 'v2', 'bad'],
    undo,
  });
  await apply(strategies.map(({ name, spec }) => documents(name, spec)).join(''));
}, 60_000);

afterAll(() => undoAll(undo, () => {}), 30_000);

it.concurrent.each(strategies.map(({ name }) => name).filter((name) => !['ab-test', 'config-canary'].includes(name)))(
  '%s brings a new revision to all requests',
  async (name) => {
    const ended = await followed(await start(name, 'v2', 'v2'));
    expect([ended.phase, ended.cause?.summary ?? '']).toEqual(['promoted', '']);
  },
  90_000,
);

it('config-canary brings new settings to the revision that is there', async () => {
  const spec = strategies.find(({ name }) => name === 'config-canary')?.spec;
  await apply(documents('config-canary', spec, ', circuitBreaker: { requests: 50 }'));
  const ended = await followed(await start('config-canary', 'v1', 'v1'));
  expect([ended.phase, ended.revision, ended.stable]).toEqual(['promoted', 'v1', 'v1']);
}, 60_000);

it('ab-test says by the answers of real Envoys which arm loses, and leaves the rest to a person', async () => {
  const bad = world.upstreams.get('bad');
  if (bad === undefined) throw new Error('no such upstream');
  bad.failShare = 0.5;
  const ports = world.envoys.map(({ listenPort }) => listenPort);
  const load = startLoad({ ports, host: 'ab-test.example.com', path: '/', rate: 300 });
  undo.push(() => load.stop());
  const id = await start('ab-test', 'v2', 'bad');
  // At single looks the arms cannot be compared: a scrape came in between two queries. That holds it as well.
  const loses = 'a person: by answers the canary loses against stable';
  const seen = await until(world, id, ({ waitingFor }) => waitingFor === loses, 60_000);
  expect(seen.readout).toMatchObject([{ name: 'answers', standing: 'loser', stable: { value: 1 } }]);
  expect((await serin(world, ['rollout', 'abort', id])).code).toBe(0);
  expect((await until(world, id, ({ phase }) => isTerminal(phase))).phase).toBe('aborted');
}, 90_000);
