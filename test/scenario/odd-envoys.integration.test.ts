import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Result } from '../../src/core/model/errors.ts';
import { createClient } from '../../src/surfaces/api/client.ts';
import { until } from '../support/cli.ts';
import type { EnvoyProcess } from '../support/envoy-process.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';
import { openXdsClient } from '../support/xds-client.ts';

/**
 * Two real Envoys, one told in either protocol. An Envoy that is made to allow no regular expression refuses every table
 * with the one of this Route, whatever else is in it, until it is started anew.
 */
const undo: Undo[] = [];
let world: Installation;
let xdsPort = 0;
let count = 0;

const address = (revision: string): string => world.upstreams.get(revision)?.address ?? '';

function documents(): string {
  const plan = (name: string, steps: string) => `---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec: { backend: shop, strategy: { steps: ${steps} }, deadline: 10m, notify: [deploys] }
`;
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: ["*"]
  rules:
    - name: some
      matches: [{ path: { type: PathPrefix, value: /some }, headers: [{ name: x-kind, type: RegularExpression, value: "a[bc]+d" }] }]
      backend: shop
    - { name: all, backend: shop }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec:
  initial: { revision: r0, endpoints: { static: ["${address('r0')}"] } }
${plan('quick', '[{ weight: 50 }]')}${plan('gated', '[{ weight: 40, approve: true }, { weight: 60, hold: 10m }]')}`;
}

const tryToStart = (plan: string) => {
  count += 1;
  return api().start({ plan, revision: `v${count}`, endpoints: [address('r1')] }, null);
};
const start = async (plan: string): Promise<string> => must(await tryToStart(plan)).id;

const api = () => createClient({ server: world.server, token: null });

function must<T>(result: Result<T>): T {
  if (result.kind === 'error') throw new Error(result.errors.map(({ message }) => message).join());
  return result.value;
}

function envoy(index: number): EnvoyProcess {
  const one = world.envoys[index];
  if (one === undefined) throw new Error(`there is no Envoy ${index}`);
  return one;
}

async function refuseAll({ adminPort }: EnvoyProcess): Promise<void> {
  const limit = 're2.max_program_size.error_level=1';
  const answer = await fetch(`http://127.0.0.1:${adminPort}/runtime_modify?${limit}`, { method: 'POST' });
  expect(answer.status).toBe(200);
}

async function startAnew(one: EnvoyProcess): Promise<void> {
  await one.kill();
  await one.start();
}

function servedBy(port: number): Promise<string> {
  return new Promise((done, fail) => {
    get({ host: '127.0.0.1', port, headers: { host: 'shop' } }, (response) => {
      response.resume();
      done(String(response.headers['x-served-by'] ?? ''));
    }).once('error', fail);
  });
}

/** Who answers so many requests in a row. */
async function servers({ listenPort }: EnvoyProcess): Promise<readonly string[]> {
  const all: string[] = [];
  for (let i = 0; i < 60; i += 1) all.push(await servedBy(listenPort));
  return [...new Set(all)].sort();
}

beforeAll(async () => {
  world = await startInstallation({
    program: PROGRAM,
    mode: 'serve',
    envoys: ['sotw', 'delta'],
    between: async (_envoy, port) => {
      xdsPort = port;
      return port;
    },
    revisions: ['r0', 'r1'],
    undo,
  });
  must(await api().apply([{ file: 'shop.yaml', text: documents() }], false));
  for (const { listenPort } of world.envoys) {
    await waitFor(async () => (await servedBy(listenPort)) === 'r0', { what: 'traffic' });
  }
}, 60_000);

afterAll(async () => {
  await undoAll(undo, () => {});
});

describe('an Envoy that refuses the way back', () => {
  it('F19: keeps its rollout from being called rolled back, until it is started anew and has confirmed', {
    timeout: 60_000,
  }, async () => {
    // given a step that both have, and that one of them will be the last that it takes
    const id = await start('gated');
    const { gate } = await until(world, id, ({ gate, push }) => gate !== null && push?.liveAt != null);
    const odd = envoy(1);
    await refuseAll(odd);
    // when the next step is refused, and the way back from it, too
    must(await api().command(id, 'approve', { gate }));
    const stuck = await until(world, id, ({ waitingFor }) => waitingFor.startsWith('a way back: '));
    // then it is on its way back for as long, and says whom it waits for and why
    expect(stuck).toMatchObject({ phase: 'rolling_back', weight: 0, cause: { kind: 'nack', node: 'edge-2' } });
    expect(stuck.waitingFor).toMatch(/Envoy edge-2 refused the change: .*program size/);
    await waitFor(async () => (await servers(envoy(0))).join() === 'r0', { what: 'the other one to be back' });
    // it has what it took last: better than nothing
    expect(await servers(odd)).toEqual(['r0', 'r1']);
    expect(must(await api().rollout(id)).phase).toBe('rolling_back');
    // and when it takes it
    await startAnew(odd);
    await until(world, id, ({ phase }) => phase === 'rolled_back');
    expect(await servers(odd)).toEqual(['r0']);
    const types = must(await api().events(id, null)).events.map(({ type }) => type);
    expect(types.filter((type) => type === 'nack').length).toBeGreaterThanOrEqual(2);
  });

  it('F19: does not block its backend: a person can end it, and it is said who has not confirmed', {
    timeout: 60_000,
  }, async () => {
    const id = await start('gated');
    await until(world, id, ({ gate, push }) => gate !== null && push?.liveAt != null);
    const odd = envoy(0);
    await refuseAll(odd);
    must(await api().command(id, 'abort', { reason: 'enough' }));
    const stuck = await until(world, id, ({ waitingFor }) => waitingFor.startsWith('a way back: '));
    expect(stuck).toMatchObject({ phase: 'aborting', waitingFor: expect.stringContaining('edge-1') });
    const ended = must(await api().command(id, 'abort', { unconfirmed: true, reason: 'edge-1 is replaced' }));
    expect(ended.phase).toBe('aborted');
    const { events } = must(await api().events(id, null));
    expect(events.map(({ message }) => message).join('\n')).toContain(
      'without the confirmation of edge-1: edge-1 is replaced',
    );
    await waitFor(() => world.receiver.messages.some(({ text }) => text.includes('Not confirmed: edge-1')), {
      what: 'the message that names it',
    });
    await startAnew(odd);
    await until(world, await start('quick'), ({ phase }) => phase === 'promoted');
  });
});

it('F23: an Envoy that is too old for the routes keeps a rollout from beginning, and is named', {
  timeout: 60_000,
}, async () => {
  // given one beside the real ones that says it is 1.21, which does not know whole elements of paths
  const version = { majorNumber: 1, minorNumber: 21, patch: 4 };
  const node = { id: 'edge-old', cluster: 'edge', userAgentName: 'envoy', userAgentBuildVersion: { version } };
  const old = openXdsClient({ port: xdsPort, node });
  const known = async () => {
    const { nodes } = must(await api().nodes('edge', {}));
    return nodes.some(({ node: name, connected }) => name === 'edge-old' && connected);
  };
  try {
    old.request({ type: 'cluster' });
    await old.accept('cluster');
    await waitFor(known, { what: 'the old one to be among the fleet' });
    const before = await servers(envoy(0));
    // when, then
    const refused = await tryToStart('quick');
    expect(refused).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_NOT_READY' }] });
    expect(refused.kind === 'error' && refused.errors[0]?.message).toMatch(
      /Envoy edge-old runs 1\.21\.4; PathPrefix .* needs 1\.22 or newer/,
    );
    const { rollouts } = must(await api().rollouts({}));
    expect(rollouts.map(({ revision }) => revision)).not.toContain(`v${count}`);
    expect(await servers(envoy(0))).toEqual(before);
  } finally {
    old.close();
  }
  // and when it has gone
  await waitFor(async () => !(await known()), { what: 'the old one to be gone' });
  await until(world, await start('quick'), ({ phase }) => phase === 'promoted');
});
