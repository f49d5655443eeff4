import { afterEach, describe, expect, it } from 'vitest';
import { MAX_API_ADDRESSES, MAX_API_REVISIONS } from '../../src/core/model/api-endpoints.ts';
import type { FleetTable } from '../../src/core/model/traffic.ts';
import { buildResources } from '../../src/core/traffic/build-resources.ts';
import type { EnvoyResources } from '../../src/core/traffic/envoy-resources.ts';
import type { EndpointsRequest } from '../../src/engine/set-endpoints.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { stickEnvoy } from '../support/engine-steps.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

const API_BACKEND = `apiVersion: serin.dev/v1
kind: Backend
metadata: { name: checkout }
spec:
  endpoints: { api: {} }
  initial: v1
`;

const [A, B, C] = ['10.0.0.1:8080', '10.0.0.2:8080', '[2001:db8::1]:8080'] as const;

async function shop(...documents: readonly string[]): Promise<void> {
  rig = await engineRig();
  const all =
    documents.length === 0 ? [routeYaml(), API_BACKEND, planYaml({ steps: '[{ weight: 10, hold: 1h }]' })] : documents;
  const applied = await rig.answer(rig.engine.apply({ files: files(...all), dryRun: false, by: 'someone' }));
  if (applied.kind === 'error') throw new Error(applied.errors[0]?.message);
}

const set = (endpoints: readonly string[], fields: Partial<EndpointsRequest> = {}) =>
  rig.engine.setEndpoints({
    ...{ backend: 'checkout', revision: 'v1', endpoints, rev: null, force: false, by: 'ci' },
    ...fields,
  });

async function table(): Promise<FleetTable> {
  const read = await rig.store.traffic.table('edge');
  if (read.kind !== 'ok') throw new Error(read.kind);
  return read.value;
}

async function resources(): Promise<EnvoyResources> {
  const built = buildResources(await table());
  if (built.kind === 'error') throw new Error(built.errors[0]?.message);
  return built.value;
}

/** Hosts by the revision of the cluster. */
async function hosts(): Promise<Readonly<Record<string, readonly string[]>>> {
  const { endpoints } = await resources();
  return Object.fromEntries(
    endpoints.map(({ clusterName, endpoints: [locality] }) => [
      clusterName.split('--')[1]?.split('-')[0] ?? '',
      (locality?.lbEndpoints ?? []).map(({ endpoint }) => endpoint.address.socketAddress.address),
    ]),
  );
}

async function start(revision = 'v2'): Promise<string> {
  const started = await rig.engine.start({
    plan: 'checkout',
    revision,
    endpoints: null,
    by: 'ci',
    idempotencyKey: null,
  });
  if (started.kind === 'error') throw new Error(started.errors[0]?.message);
  return started.value.view.rollout.id;
}

const rollout = async (id: string) => {
  const view = await rig.engine.rollout(id);
  if (view.kind === 'error') throw new Error(view.errors[0]?.message);
  return view.value.rollout;
};

const stepping = (id: string) =>
  rig.until(async () => {
    const { phase, push } = await rollout(id);
    return phase === 'stepping' && push?.liveAtMs != null;
  });

describe('endpoints by the API are refused', () => {
  it.each([
    ['of a backend that is not there', [A], { backend: 'cart' }, 'SERIN_NOT_FOUND'],
    ['that are names', ['checkout.internal:8080'], {}, 'SERIN_REQUEST_INVALID'],
    ['that are none', ['10.0.0.1'], {}, 'SERIN_REQUEST_INVALID'],
    [
      'that are too many',
      Array.from({ length: MAX_API_ADDRESSES + 1 }, (_, i) => `10.0.${i >> 8}.${i & 255}:80`),
      {},
      'SERIN_REQUEST_INVALID',
    ],
    ['by who has seen others', [B], { rev: 7 }, 'SERIN_CONFLICT'],
  ])('%s', async (_, endpoints, fields, code) => {
    await shop();
    expect(await set(endpoints, fields)).toMatchObject({ errors: [{ code }] });
    expect(await rig.engine.endpoints('checkout')).toMatchObject({ value: { rev: 0 } });
  });

  it('of a backend whose endpoints stand in its document, and of a revision that was started with its own', async () => {
    await shop(routeYaml(), backendYaml(), planYaml());
    expect(await set([A])).toMatchObject({ errors: [{ code: 'SERIN_REQUEST_INVALID' }] });
    await rig.stop();
    await shop();
    await rig.engine.start({ plan: 'checkout', revision: 'v2', endpoints: [B], by: 'ci', idempotencyKey: null });
    expect(await set([A], { revision: 'v2' })).toMatchObject({ errors: [{ code: 'SERIN_REQUEST_INVALID' }] });
  });

  it('none, of a revision that has requests, unless it is forced', async () => {
    await shop();
    await set([A]);
    expect(await set([])).toMatchObject({
      errors: [{ code: 'SERIN_IN_USE', message: expect.stringContaining('stable') }],
    });
    expect(await hosts()).toEqual({ v1: ['10.0.0.1'] });
    expect(await set([], { force: true })).toMatchObject({ kind: 'ok' });
    expect(await hosts()).toEqual({ v1: [] });
    await set([A]);
    await set([B], { revision: 'v2' });
    const id = await start();
    await stepping(id);
    expect(await set([], { revision: 'v2' })).toMatchObject({ errors: [{ code: 'SERIN_IN_USE' }] });
    // A revision that nobody has may lose them.
    await set([C], { revision: 'v3' });
    expect(await set([], { revision: 'v3' })).toMatchObject({ kind: 'ok' });
  });
});

describe('endpoints by the API', () => {
  it('change the hosts of a cluster and nothing else: not its name, its settings, nor a route', async () => {
    await shop();
    const before = await resources();
    expect(await hosts()).toEqual({ v1: [] });
    expect(await set([B, A, B])).toMatchObject({
      value: { rev: 1, revisions: [{ endpoints: [A, B], role: 'stable' }] },
    });
    const after = await resources();
    expect(await hosts()).toEqual({ v1: ['10.0.0.1', '10.0.0.2'] });
    expect(after.clusters).toEqual(before.clusters);
    expect(after.routes).toEqual(before.routes);
    await set([C]);
    expect((await resources()).clusters).toEqual(before.clusters);
    expect(await hosts()).toEqual({ v1: ['2001:db8::1'] });
  });

  it('asked for twice are one change', async () => {
    await shop();
    await set([A, B]);
    const commits = rig.store.commits();
    expect(await set([B, A])).toMatchObject({ value: { rev: 1 } });
    expect(rig.store.commits()).toBe(commits);
  });

  it('of two who have seen the same one is refused', async () => {
    await shop();
    const both = await Promise.all([set([A], { rev: 0 }), set([B], { rev: 0 })]);
    expect(both.map(({ kind }) => kind).toSorted()).toEqual(['error', 'ok']);
  });

  it('may be there before the revision, and are its own from the first moment', async () => {
    await shop();
    await set([A]);
    await set([B], { revision: 'v2' });
    expect(await hosts()).toEqual({ v1: ['10.0.0.1'] });
    await stepping(await start());
    expect(await hosts()).toEqual({ v1: ['10.0.0.1'], v2: ['10.0.0.2'] });
    expect(await rig.engine.endpoints('checkout')).toMatchObject({
      value: {
        revisions: [
          { revision: 'v1', role: 'stable' },
          { revision: 'v2', role: 'canary' },
        ],
      },
    });
  });

  it('are waited for: a canary without any gets no requests', async () => {
    await shop();
    await set([A]);
    const id = await start();
    await rig.until(async () =>
      (await rollout(id)).waitingFor.startsWith(
        'endpoints of revision v2 of checkout (`serin backend endpoints set checkout --revision v2',
      ),
    );
    await rig.clock.advance(60_000);
    expect(await rollout(id)).toMatchObject({ phase: 'preparing' });
    await set([B], { revision: 'v2' });
    await stepping(id);
    expect(await hosts()).toEqual({ v1: ['10.0.0.1'], v2: ['10.0.0.2'] });
  });

  it('of the canary change while it has requests: the step stays live, and so does its weight', async () => {
    await shop();
    await set([A]);
    await set([B], { revision: 'v2' });
    const id = await start();
    await stepping(id);
    const before = await rollout(id);
    const split = (await resources()).routes;
    await set([C], { revision: 'v2' });
    await rig.clock.advance(60_000);
    const after = await rollout(id);
    expect(after.push).toEqual(before.push);
    expect(after.attempt).toBe(before.attempt);
    expect((await resources()).routes).toEqual(split);
    expect(await hosts()).toEqual({ v1: ['10.0.0.1'], v2: ['2001:db8::1'] });
  });

  it.each(['rollback', 'exclude', 'hold'])(
    'make no Envoy late that has had the step for long (onLaggard: %s)',
    async (policy) => {
      const plan = planYaml({ steps: '[{ weight: 10, hold: 1h }]' }).replace('spec:', `spec:\n  onLaggard: ${policy}`);
      await shop(routeYaml(), API_BACKEND, plan);
      await set([A]);
      await set([B], { revision: 'v2' });
      const id = await start();
      await stepping(id);
      await rig.clock.advance(300_000);
      const before = await rollout(id);
      const told = rig.delivered.length;
      // One of the Envoys takes its time.
      stickEnvoy(rig);
      await set([C], { revision: 'v2' });
      await rig.clock.advance(1_000);
      await set([], { revision: 'v2', force: true });
      await rig.clock.advance(1_000);
      expect(await rollout(id)).toMatchObject({ phase: 'stepping', excluded: {}, push: before.push });
      expect(rig.delivered.length).toBe(told);
      // Nor later: it has the step, and who does not take other hosts is shown as behind.
      await rig.clock.advance(60_000);
      rig.deps.wakeUps.kick(`rollout/${id}`);
      await rig.clock.advance(1_000);
      expect(await rollout(id)).toMatchObject({ phase: 'stepping', excluded: {}, push: before.push });
      expect(rig.delivered.length).toBe(told);
    },
  );

  it('told every few seconds do not put off what the plan says about an Envoy that does not answer the next step', async () => {
    const plan = planYaml({ steps: '[{ weight: 10, hold: 60s }, { weight: 50, hold: 1h }]' });
    await shop(routeYaml(), API_BACKEND, plan.replace('spec:', 'spec:\n  onLaggard: rollback'));
    await set([A]);
    await set([B], { revision: 'v2' });
    const id = await start();
    await stepping(id);
    const slow = stickEnvoy(rig);
    await rig.until(async () => (await rollout(id)).step === 1);
    for (let i = 0; i < 7; i += 1) {
      await set([i % 2 === 0 ? C : B], { revision: 'v2' });
      await rig.clock.advance(5_000);
    }
    expect((await rollout(id)).cause).toMatchObject({ kind: 'laggard', node: slow.nodeId });
  });

  it('of a canary that has no requests yet have to be with every Envoy before it gets any', async () => {
    await shop();
    await set([A]);
    const id = await start();
    await rig.until(
      async () => (await rollout(id)).waitingFor?.startsWith('endpoints of revision v2 of checkout (') === true,
    );
    const slow = stickEnvoy(rig);
    await set([B], { revision: 'v2' });
    await rig.clock.advance(10_000);
    expect(await rollout(id)).toMatchObject({ phase: 'preparing', waitingFor: `the ACK of ${slow.nodeId}` });
    slow.release();
    await stepping(id);
  });

  it('of a revision that no Envoy has say nothing to Envoys', async () => {
    await shop();
    await set([A]);
    const { position } = await table();
    await set([B], { revision: 'v2' });
    expect((await table()).position).toEqual(position);
  });

  it('reach the Envoy that tries a change out, and that change reaches nobody else by them', async () => {
    await shop();
    await set([A]);
    rig.envoys('edge', 'silent');
    const id = await start();
    await rig.until(async () => (await table()).trial !== null);
    await set([B], { revision: 'v2' });
    const { trial, owners } = await table();
    const tried = trial?.changes.find(([owner]) => owner === 'backend/checkout')?.[1];
    expect(tried).toMatchObject({
      endpoints: [{ addresses: [{ host: '10.0.0.1', port: 8080 }] }, { addresses: [{ host: '10.0.0.2', port: 8080 }] }],
    });
    const forAll = owners.get('backend/checkout')?.value;
    expect(forAll?.kind === 'backend' && forAll.revisions.map(({ name }) => name)).toEqual(['v1']);
    rig.envoys('edge', 'ack');
    await stepping(id);
    expect(await hosts()).toEqual({ v1: ['10.0.0.1'], v2: ['10.0.0.2'] });
  });

  it('stay through a promotion and an apply of the documents', async () => {
    await shop();
    await set([A]);
    await set([B], { revision: 'v2' });
    const id = await start();
    await stepping(id);
    await rig.answer(rig.engine.command({ id, command: { type: 'promote' }, rev: null, by: 'me' }));
    await rig.until(async () => (await rollout(id)).phase === 'promoted');
    await rig.answer(
      rig.engine.apply({
        files: files(routeYaml({ path: '/new' }), API_BACKEND, planYaml()),
        ...{ dryRun: false, by: 'someone' },
      }),
    );
    expect(await hosts()).toEqual({ v1: ['10.0.0.1'], v2: ['10.0.0.2'] });
    expect(await rig.engine.endpoints('checkout')).toMatchObject({
      value: {
        revisions: [
          { revision: 'v1', role: 'retired' },
          { revision: 'v2', role: 'stable' },
        ],
      },
    });
  });

  it.each(['adopt', 'stable'] as const)('stay as the Envoys have them when a store lost them (%s)', async (mode) => {
    await shop();
    await set([A]);
    const restore = rig.store.faults.backup();
    await set([B, C]);
    restore();
    await rig.clock.advance(5_000);
    expect(await rig.answer(rig.engine.reconcileStore({ mode, by: 'me' }))).toMatchObject({ kind: 'ok' });
    expect(await hosts()).toEqual({ v1: ['10.0.0.2', '2001:db8::1'] });
    expect(await rig.engine.endpoints('checkout')).toMatchObject({ value: { revisions: [{ endpoints: [B, C] }] } });
  });

  it('that are gone are no way back: an undo to them is refused, and says what to do', async () => {
    await shop();
    await set([A]);
    await set([B], { revision: 'v2' });
    const id = await start();
    await stepping(id);
    await rig.answer(rig.engine.command({ id, command: { type: 'promote' }, rev: null, by: 'me' }));
    await rig.until(async () => (await rollout(id)).phase === 'promoted');
    await set([]);
    const undo = () => rig.engine.undo({ of: 'checkout', reason: 'slow', by: 'me', idempotencyKey: null });
    expect(await undo()).toMatchObject({
      errors: [{ code: 'SERIN_NOT_READY', hint: expect.stringContaining('serin backend endpoints') }],
    });
    await set([C]);
    expect(await undo()).toMatchObject({ kind: 'ok' });
    expect(await hosts()).toMatchObject({ v1: ['2001:db8::1'] });
  });

  it('of revisions that nobody has make room for new ones, the oldest first', async () => {
    await shop();
    await set([A]);
    for (let i = 0; i < MAX_API_REVISIONS; i += 1) await set([B], { revision: `next-${i}` });
    const read = await rig.engine.endpoints('checkout');
    const names = read.kind === 'ok' ? read.value.revisions.map(({ revision }) => revision) : [];
    expect(names).toHaveLength(MAX_API_REVISIONS);
    expect(names).toContain('v1');
    expect(names).not.toContain('next-0');
  });

  it('of which none stays are warned of where requests wait for a health check, and nowhere else', async () => {
    const warned = async (...args: Parameters<typeof set>) => {
      const done = await set(...args);
      return done.kind === 'ok' ? done.value.warning : done.errors[0]?.message;
    };
    await shop();
    await set([A]);
    expect(await warned([B])).toBeUndefined();
    await rig.stop();
    const checked = API_BACKEND.replace('  initial', '  healthCheck: { path: /healthz }\n  initial');
    await shop(routeYaml(), checked, planYaml({ steps: '[{ weight: 10, hold: 1h }]' }));
    expect(await warned([A])).toBeUndefined();
    expect(await warned([A, B])).toBeUndefined();
    expect(await warned([B])).toBeUndefined();
    expect(await warned([C])).toContain('no host of revision v1 has stayed');
    // Nobody has requests of it yet.
    expect(await warned([A], { revision: 'v2' })).toBeUndefined();
    expect(await warned([B], { revision: 'v2' })).toBeUndefined();
    await stepping(await start());
    expect(await warned([A], { revision: 'v2' })).toContain('v2');
  });

  it('of a revision that waits for its turn make no room, however many others are told', async () => {
    const plan = planYaml({ steps: '[{ weight: 10, hold: 1h }]', onNewRevision: 'queue' }).replace('10m', '3h');
    await shop(routeYaml(), API_BACKEND, plan);
    await set([A]);
    await set([B], { revision: 'v2' });
    await stepping(await start());
    await set([C], { revision: 'v3' });
    await start('v3');
    for (let i = 0; i < 2 * MAX_API_REVISIONS; i += 1) await set([B], { revision: `next-${i}` });
    const read = await rig.engine.endpoints('checkout');
    const names = read.kind === 'ok' ? read.value.revisions.map(({ revision }) => revision) : [];
    expect(names).toEqual(expect.arrayContaining(['v1', 'v2', 'v3']));
    expect(names).not.toContain('next-0');
  });

  it('leave a line in the audit log', async () => {
    await shop();
    await set([A]);
    const lines = await rig.engine.audit({ after: null, sinceMs: null, limit: 50 });
    expect(lines).toMatchObject({ kind: 'ok' });
    const told = lines.kind === 'ok' ? lines.value.filter(({ entry }) => entry.command === 'endpoints') : [];
    expect(told.at(-1)?.entry).toMatchObject({
      by: 'ci',
      target: 'Backend/checkout',
      detail: `revision v1: ${A}`,
      result: 'done',
    });
  });
});
