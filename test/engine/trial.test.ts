import { afterEach, describe, expect, it } from 'vitest';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout, tableOf } from '../support/engine-steps.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

const SHOP = [routeYaml(), backendYaml(), planYaml()] as const;

const apply = (...documents: readonly string[]): ReturnType<EngineRig['engine']['apply']> =>
  rig.answer(rig.engine.apply({ files: files(...documents), dryRun: false, by: 'someone' }));

describe('a trial whose table cannot be served', () => {
  it('ends its rollout with the reason, and leaves the fleet to the others', async () => {
    // given a rollout whose clusters one Envoy tries out, while something takes away what its table needs
    rig = await engineRig();
    await apply(...SHOP);
    rig.envoys('edge', 'silent');
    const id = await startRollout(rig);
    await rig.until(async () => (await tableOf(rig)).trial?.by === `rollout/${id}`);
    const { trial } = await tableOf(rig);
    const changes = (trial?.changes ?? []).map(([owner, value]) =>
      value?.kind === 'backend'
        ? ([owner, { ...value, split: [{ cluster: 'nowhere', weight: 10_000 }] }] as const)
        : ([owner, value] as const),
    );
    const broken = { probe: trial?.probe ?? '', changes };
    await rig.store.records.commit({
      ...EMPTY_COMMIT,
      trials: [{ fleet: 'edge', by: `rollout/${id}`, trial: broken }],
    });
    // when the Envoys take what they are given, which is the table without it
    rig.envoys('edge', 'ack');
    await rig.until(async () => (await rolloutOf(rig, id)).phase === 'failed');
    // then
    const { cause } = await rolloutOf(rig, id);
    expect(cause).toMatchObject({ kind: 'unservable', node: null, summary: expect.stringContaining('nowhere') });
    const after = await tableOf(rig);
    expect(after.trial).toBeNull();
    const value = after.owners.get('backend/checkout')?.value;
    expect(value?.kind === 'backend' && value.revisions.map(({ name }) => name)).toEqual(['v1']);
  });
});

describe('an apply whose trial was taken away', () => {
  it('was not tried: it is no word of consent, and the trial in its place keeps its own end', async () => {
    // given an apply whose Envoy takes its time
    rig = await engineRig();
    await apply(...SHOP);
    rig.envoys('edge', 'silent', 'a');
    const waiting = rig.engine.apply({ files: files(routeYaml({ path: '/new' })), dryRun: false, by: 'someone' });
    await rig.clock.advance(1_000);
    const by = (await tableOf(rig)).trial?.by ?? '';
    expect(by).toMatch(/^apply\//);
    // when its trial ends, and somebody begins another one and dies
    await rig.store.records.commit({ ...EMPTY_COMMIT, trials: [{ fleet: 'edge', by, trial: null }] });
    await beginAndDie('apply/other', 30_000);
    rig.envoys('edge', 'ack', 'a');
    // then nothing is applied
    expect(await rig.answer(waiting)).toMatchObject({
      errors: [{ code: 'SERIN_CONFLICT', message: expect.stringContaining('apply/other') }],
    });
    expect((await tableOf(rig)).owners.get('route/shop')?.value).toMatchObject({
      spec: { rules: [{ matches: [{ path: { value: '/' } }] }] },
    });
    // and the other one's ends when it is due
    await rig.until(async () => (await tableOf(rig)).trial === null);
  });

  it('is tried again when nobody else is in the way', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    rig.envoys('edge', 'silent', 'a');
    const waiting = rig.engine.apply({ files: files(routeYaml({ path: '/new' })), dryRun: false, by: 'someone' });
    await rig.clock.advance(1_000);
    const by = (await tableOf(rig)).trial?.by ?? '';
    await rig.store.records.commit({ ...EMPTY_COMMIT, trials: [{ fleet: 'edge', by, trial: null }] });
    await rig.clock.advance(3_000);
    expect((await tableOf(rig)).trial?.by).not.toBe(by);
    rig.envoys('edge', { nack: 'regex is too large' }, 'a');
    expect(await rig.answer(waiting)).toMatchObject({ errors: [{ code: 'SERIN_ENVOY_REJECTED' }] });
    expect((await tableOf(rig)).trial).toBeNull();
  });

  it('that cannot be served on what others have changed meanwhile is planned anew', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    rig.envoys('edge', 'silent', 'a');
    const waiting = rig.engine.apply({
      files: files(backendYaml('cart'), routeYaml({ name: 'cart', backend: 'cart' })),
      dryRun: false,
      by: 'someone',
    });
    await rig.clock.advance(1_000);
    // An owner that an older table still has: it claims the hostname that the apply brings.
    const spec = (await tableOf(rig)).trial?.changes.find(([owner]) => owner === 'route/cart')?.[1];
    if (spec?.kind !== 'route') throw new Error('the route is not tried out');
    const value = { ...spec, route: 'older', spec: { ...spec.spec, rules: [] } };
    await rig.store.records.commit({ ...EMPTY_COMMIT, traffic: [{ fleet: 'edge', owner: 'route/older', value }] });
    rig.envoys('edge', 'ack', 'a');
    const outcome = await rig.answer(waiting);
    expect(outcome).toMatchObject({ errors: [{ message: expect.stringContaining('route/older') }] });
    expect((await tableOf(rig)).owners.has('route/cart')).toBe(false);
    expect((await tableOf(rig)).trial).toBeNull();
  });
});

describe('a change in two fleets', () => {
  const BOTH = [...SHOP, routeYaml({ name: 'inner', fleet: 'inner' })] as const;
  const trials = async () => [(await tableOf(rig)).trial, (await tableOf(rig, 'inner')).trial];

  it('of documents, refused in one of them, is made in none, and no trial is left', async () => {
    rig = await engineRig(['edge', 'inner']);
    await apply(...BOTH);
    rig.envoys('inner', { nack: 'regex is too large' }, 'a');
    const changed = [routeYaml({ path: '/new' }), routeYaml({ name: 'inner', fleet: 'inner', path: '/new' })];
    expect(await apply(...changed)).toMatchObject({ errors: [{ code: 'SERIN_ENVOY_REJECTED' }] });
    expect(await trials()).toEqual([null, null]);
    for (const [fleet, owner] of [
      ['edge', 'route/shop'],
      ['inner', 'route/inner'],
    ] as const) {
      const value = (await tableOf(rig, fleet)).owners.get(owner)?.value;
      expect(value).toMatchObject({ spec: { rules: [{ matches: [{ path: { value: '/' } }] }] } });
    }
  });

  it('of documents, whose trial was taken away in one of them, is tried again in both', async () => {
    rig = await engineRig(['edge', 'inner']);
    await apply(...BOTH);
    for (const fleet of ['edge', 'inner']) rig.envoys(fleet, 'silent', 'a');
    const changed = [routeYaml({ path: '/new' }), routeYaml({ name: 'inner', fleet: 'inner', path: '/new' })];
    const waiting = rig.engine.apply({ files: files(...changed), dryRun: false, by: 'someone' });
    await rig.clock.advance(1_000);
    const by = (await tableOf(rig, 'inner')).trial?.by ?? '';
    await rig.store.records.commit({ ...EMPTY_COMMIT, trials: [{ fleet: 'inner', by, trial: null }] });
    await rig.clock.advance(3_000);
    const again = await trials();
    expect(again.map((trial) => trial?.by === by)).toEqual([false, false]);
    expect(again[0]?.by).toBe(again[1]?.by);
    for (const fleet of ['edge', 'inner']) rig.envoys(fleet, 'ack', 'a');
    expect(await rig.answer(waiting)).toMatchObject({ kind: 'ok' });
    expect(await trials()).toEqual([null, null]);
  });

  it('of a rollout goes to all when an Envoy of each has taken it, and is out of both after a refusal', async () => {
    rig = await engineRig(['edge', 'inner']);
    await apply(...BOTH);
    rig.envoys('inner', 'silent');
    const id = await startRollout(rig);
    await rig.until(async () => (await trials()).every((trial) => trial?.by === `rollout/${id}`));
    await rig.clock.advance(5_000);
    expect((await rolloutOf(rig, id)).push?.probe).toMatchObject({ edge: expect.any(String) });
    rig.envoys('inner', { nack: 'no' });
    await rig.until(async () => (await rolloutOf(rig, id)).phase === 'failed');
    expect(await trials()).toEqual([null, null]);
    rig.envoys('inner', 'ack');
    const second = await startRollout(rig, 'v3');
    await rig.until(async () => (await rolloutOf(rig, second)).phase === 'promoted');
    expect(await trials()).toEqual([null, null]);
  });
});

describe('a trial that is overdue', () => {
  it('is ended, and a newer one in its place is not', async () => {
    rig = await engineRig();
    await beginAndDie('apply/new', 40_000);
    await rig.store.due.schedule('trial/edge/apply/old', rig.clock.now() + 1_000);
    await rig.clock.advance(20_000);
    expect((await tableOf(rig)).trial?.by).toBe('apply/new');
    await rig.until(async () => (await tableOf(rig)).trial === null);
    expect(await rig.store.due.next()).toEqual({ kind: 'ok', value: null });
  });
});

/** A trial of an apply whose process is gone. */
async function beginAndDie(by: `apply/${string}`, dueAfterMs: number): Promise<void> {
  await rig.store.records.commit({
    ...EMPTY_COMMIT,
    trials: [{ fleet: 'edge', by, trial: { probe: 'edge-a', changes: [] } }],
    due: [{ subject: `trial/edge/${by}`, atMs: rig.clock.now() + dueAfterMs }],
  });
}
