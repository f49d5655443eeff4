import { afterEach, describe, expect, it } from 'vitest';
import type { Result } from '../../src/core/model/errors.ts';
import type { OwnerTraffic } from '../../src/core/model/traffic.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

const apply = (...documents: readonly string[]): ReturnType<EngineRig['engine']['apply']> =>
  rig.answer(rig.engine.apply({ files: files(...documents), dryRun: false, by: 'someone' }));

const SHOP = [routeYaml(), backendYaml(), planYaml()] as const;

function errorOf(result: Result<unknown>): { readonly code: string; readonly message: string } {
  if (result.kind === 'ok') throw new Error('expected an error');
  const [first] = result.errors;
  if (first === undefined) throw new Error('an error without one');
  return first;
}

async function owner(name: `route/${string}` | `backend/${string}`, fleet = 'edge'): Promise<OwnerTraffic | null> {
  const table = await rig.store.traffic.table(fleet);
  if (table.kind !== 'ok') throw new Error(table.kind);
  return table.value.owners.get(name)?.value ?? null;
}

/** Revision names served to the fleet for a backend, and the weights of its arms. */
async function served(fleet = 'edge', backend = 'checkout'): Promise<unknown> {
  const value = await owner(`backend/${backend}`, fleet);
  if (value?.kind !== 'backend') return null;
  return {
    revisions: value.revisions.map(({ name }) => name),
    split: value.split.map(({ cluster, weight }) => `${cluster.split('--')[1]?.split('-')[0]} ${weight}`),
  };
}

async function promote(revision: string): Promise<void> {
  const started = await rig.engine.start({
    plan: 'checkout',
    revision,
    endpoints: ['127.0.0.1:9090'],
    by: 'ci',
    idempotencyKey: null,
  });
  if (started.kind === 'error') throw new Error(started.errors[0]?.message);
  const { id } = started.value.view.rollout;
  await rig.until(async () => {
    const view = await rig.engine.rollout(id);
    return view.kind === 'ok' && view.value.rollout.phase === 'promoted';
  });
}

describe('apply', () => {
  describe('that is wrong', () => {
    it('applies nothing when one of several documents is bad', async () => {
      rig = await engineRig();
      const result = await apply(routeYaml(), backendYaml(), planYaml({ backend: 'chekout' }));
      expect(errorOf(result)).toMatchObject({ code: 'SERIN_UNKNOWN_REFERENCE' });
      expect(await rig.engine.documents(null)).toMatchObject({ value: [] });
      expect(rig.store.commits()).toBe(0);
    });

    it('says that the store does not answer, and changes nothing', async () => {
      rig = await engineRig();
      rig.store.faults.failNextCommit('unavailable');
      expect(errorOf(await apply(...SHOP))).toMatchObject({ code: 'SERIN_STORE_UNAVAILABLE' });
      expect(await owner('route/shop')).toBeNull();
    });

    it('decides again after a lost race, and gives up after several', async () => {
      rig = await engineRig();
      rig.store.faults.failNextCommit('conflict', 'conflict');
      expect(await apply(...SHOP)).toMatchObject({ kind: 'ok' });
      rig.store.faults.failNextCommit(...Array.from({ length: 400 }, () => 'conflict' as const));
      expect(errorOf(await apply(routeYaml({ path: '/new' })))).toMatchObject({ code: 'SERIN_CONFLICT' });
    });

    it('is refused where it touches a rule that is rolling, and names the rollout', async () => {
      rig = await engineRig();
      await apply(...SHOP);
      const started = await rig.engine.start({
        plan: 'checkout',
        revision: 'v2',
        endpoints: null,
        by: 'ci',
        idempotencyKey: null,
      });
      const id = started.kind === 'ok' ? started.value.view.rollout.id : '';
      const refused = errorOf(await apply(routeYaml({ path: '/new' })));
      expect(refused).toMatchObject({ code: 'SERIN_ROLLOUT_ACTIVE' });
      expect(refused.message).toContain(id);
      // Another fleet would see the canary without its counted nodes.
      expect(errorOf(await apply(routeYaml({ name: 'other' })))).toMatchObject({ code: 'SERIN_ROLLOUT_ACTIVE' });
      // The next revision's settings are free to change.
      expect(await apply(backendYaml('checkout', 'v9'))).toMatchObject({ kind: 'ok' });
    });
  });

  it('reports what it created, updated and left alone, and serves the initial revision', async () => {
    rig = await engineRig();
    expect(await apply(...SHOP)).toMatchObject({
      value: [
        { kind: 'Route', action: 'created' },
        { kind: 'Backend', action: 'created' },
        { kind: 'Plan', action: 'created' },
      ],
    });
    expect(await served()).toEqual({ revisions: ['v1'], split: ['v1 10000'] });
    const commits = rig.store.commits();
    expect(await apply(...SHOP)).toMatchObject({ value: [1, 2, 3].map(() => ({ action: 'unchanged' })) });
    expect(rig.store.commits()).toBe(commits);
    expect(await apply(routeYaml({ path: '/new' }))).toMatchObject({ value: [{ action: 'updated' }] });
  });

  it('leaves a rule alone that says more than where requests go, also while it is rolling', async () => {
    rig = await engineRig();
    const rule = [
      'retry: { attempts: 2, perTryTimeout: 1s }',
      'hash: [{ header: x-user }]',
      'rewrite: { host: shop.internal }',
      'idleTimeout: 1m',
      'cors: { origins: [https://shop.example.com], methods: [GET] }',
    ];
    const documents = [
      routeYaml().replace('backend: checkout }', `backend: checkout, ${rule.join(', ')} }`),
      backendYaml(),
      planYaml(),
    ];
    expect(await apply(...documents)).toMatchObject({ kind: 'ok' });
    const again = { value: documents.map(() => ({ action: 'unchanged' })) };
    expect(await apply(...documents)).toMatchObject(again);
    const start = { revision: 'v2', endpoints: null, by: 'ci', idempotencyKey: null };
    expect(await rig.engine.start({ plan: 'checkout', ...start })).toMatchObject({ kind: 'ok' });
    expect(await apply(...documents)).toMatchObject(again);
  });

  it('never flips what is stable: `initial` is read once', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    await apply(backendYaml('checkout', 'v7'));
    expect(await served()).toEqual({ revisions: ['v1'], split: ['v1 10000'] });
  });

  it('shows with --dry-run what it would do, and does not do it', async () => {
    rig = await engineRig();
    const result = await rig.engine.apply({ files: files(...SHOP), dryRun: true, by: 'someone' });
    expect(result).toMatchObject({ value: [{ action: 'created' }, { action: 'created' }, { action: 'created' }] });
    expect(rig.store.commits()).toBe(0);
  });

  it('serves a fleet that had no route for a while the revision that is stable now', async () => {
    rig = await engineRig(['edge', 'inner']);
    await apply(...SHOP, routeYaml({ name: 'inner', fleet: 'inner' }));
    await rig.engine.remove({ kind: 'Route', name: 'inner', by: 'someone' });
    await promote('v2');
    await apply(routeYaml({ name: 'inner', fleet: 'inner' }));
    expect(await served('inner')).toMatchObject({ split: ['v2 10000'] });
  });

  describe('that the Envoy refuses which tries it out', () => {
    it('is not applied at all: no document is written, and the other Envoys never see it', async () => {
      rig = await engineRig();
      await apply(...SHOP);
      const before = await rig.store.traffic.table('edge');
      rig.envoys('edge', { nack: 'regex is too large' }, 'a');
      const refused = errorOf(await apply(routeYaml({ path: '/new' }), backendYaml('cart')));
      expect(refused).toMatchObject({
        code: 'SERIN_ENVOY_REJECTED',
        hint: expect.stringContaining('nothing was applied'),
      });
      expect(refused.message).toBe('Envoy edge-a refused the change: regex is too large');
      expect(await rig.engine.document('Backend', 'cart')).toMatchObject({ kind: 'error' });
      const after = await rig.store.traffic.table('edge');
      const owners = (read: typeof after) => (read.kind === 'ok' ? [...read.value.owners] : []);
      expect(owners(after)).toEqual(owners(before));
      expect(after).toMatchObject({ value: { trial: null } });
    });

    it('waits for its turn, and says whose change is in the way when that takes too long', async () => {
      rig = await engineRig();
      await apply(...SHOP);
      const trial = { probe: 'edge-b', changes: [] };
      const busy = { ...EMPTY_COMMIT, trials: [{ fleet: 'edge', by: 'rollout/r1', trial }] };
      await rig.store.records.commit(busy);
      const waiting = rig.engine.apply({ files: files(routeYaml({ path: '/new' })), dryRun: false, by: 'a' });
      expect(errorOf(await rig.answer(waiting)).message).toContain('rollout/r1');
      const again = rig.engine.apply({ files: files(routeYaml({ path: '/new' })), dryRun: false, by: 'a' });
      await rig.clock.advance(1_000);
      await rig.store.records.commit({ ...EMPTY_COMMIT, trials: [{ fleet: 'edge', by: 'rollout/r1', trial: null }] });
      expect(await rig.answer(again)).toMatchObject({ kind: 'ok' });
    });

    it('a trial that was left behind ends by itself', async () => {
      rig = await engineRig();
      const left = { probe: 'edge-a', changes: [] };
      await rig.store.records.commit({
        ...EMPTY_COMMIT,
        trials: [{ fleet: 'edge', by: 'apply/gone', trial: left }],
        due: [{ subject: 'trial/edge/apply/gone', atMs: rig.clock.now() + 30_000 }],
      });
      await rig.until(async () => {
        const table = await rig.store.traffic.table('edge');
        return table.kind === 'ok' && table.value.trial === null;
      });
    });
  });

  describe('that another Envoy refuses after all', () => {
    it('is taken back whole, and the error says what Envoy said', async () => {
      rig = await engineRig();
      await apply(...SHOP);
      rig.envoys('edge', { nack: 'regex is too large' }, 'b');
      const refused = errorOf(
        await apply(routeYaml({ path: '/new' }), backendYaml('cart'), planYaml({ name: 'slow' })),
      );
      expect(refused.code).toBe('SERIN_ENVOY_REJECTED');
      expect(refused.message).toContain('regex is too large');
      expect(await rig.engine.document('Backend', 'cart')).toMatchObject({ kind: 'error' });
      expect(await owner('route/shop')).toMatchObject({ spec: { rules: [{ matches: [{ path: { value: '/' } }] }] } });
    });

    it('is taken back also when the document lived before and was deleted', async () => {
      rig = await engineRig();
      await apply(...SHOP);
      await rig.engine.remove({ kind: 'Route', name: 'shop', by: 'someone' });
      rig.envoys('edge', { nack: 'no' }, 'b');
      expect(errorOf(await apply(routeYaml({ path: '/new' })))).toMatchObject({ code: 'SERIN_ENVOY_REJECTED' });
      expect(await rig.engine.document('Route', 'shop')).toMatchObject({ kind: 'error' });
      expect(await owner('route/shop')).toBeNull();
    });

    it('stays, and says so, when somebody has changed it meanwhile', async () => {
      rig = await engineRig();
      await apply(...SHOP);
      rig.envoys('edge', 'silent', 'b');
      const first = rig.engine.apply({ files: files(routeYaml({ path: '/one' })), dryRun: false, by: 'a' });
      await rig.clock.advance(100);
      const second = rig.engine.apply({ files: files(routeYaml({ path: '/two' })), dryRun: false, by: 'b' });
      await rig.clock.advance(100);
      rig.envoys('edge', { nack: 'no' }, 'b');
      const outcomes = await rig.answer(Promise.all([first, second]));
      expect(outcomes.map((outcome) => errorOf(outcome).code)).toEqual([
        'SERIN_ENVOY_REJECTED',
        'SERIN_ENVOY_REJECTED',
      ]);
      // The second one goes back to the first: nothing that a person did is lost without a word.
      expect(await owner('route/shop')).toMatchObject({
        spec: { rules: [{ matches: [{ path: { value: '/one' } }] }] },
      });
    });

    it('is kept while the Envoys say nothing', async () => {
      rig = await engineRig();
      rig.envoys('edge', 'silent');
      expect(await apply(...SHOP)).toMatchObject({ kind: 'ok' });
      expect(await owner('route/shop')).not.toBeNull();
    });
  });

  it('makes a start that read the routes before it look again', async () => {
    rig = await engineRig(['edge', 'inner']);
    await apply(...SHOP);
    const states = await rig.store.records.read(['backend/checkout']);
    await apply(routeYaml({ name: 'inner', fleet: 'inner' }));
    const after = await rig.store.records.read(['backend/checkout']);
    const revs = [states, after].map((read) => (read.kind === 'ok' ? read.value[0]?.rev : null));
    expect(revs[1]).toBeGreaterThan(revs[0] ?? 0);
  });
});
