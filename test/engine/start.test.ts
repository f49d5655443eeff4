import { afterEach, describe, expect, it } from 'vitest';
import { start as beginRollout } from '../../src/engine/start.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

const apply = async (...documents: readonly string[]): Promise<void> => {
  const result = await rig.answer(rig.engine.apply({ files: files(...documents), dryRun: false, by: 'someone' }));
  if (result.kind === 'error') throw new Error(result.errors[0]?.message);
};

const start = (
  fields: Partial<Parameters<EngineRig['engine']['start']>[0]> = {},
): ReturnType<EngineRig['engine']['start']> =>
  rig.engine.start({
    plan: 'checkout',
    revision: 'v2',
    endpoints: ['127.0.0.1:9090'],
    by: 'ci',
    idempotencyKey: null,
    ...fields,
  });

const SHOP = [routeYaml(), backendYaml(), planYaml()] as const;

describe('start', () => {
  it.each([
    ['a plan that does not exist', { plan: 'chekout' }, 'SERIN_NOT_FOUND'],
    ['a revision name that could not be a cluster', { revision: '../v2' }, 'SERIN_REQUEST_INVALID'],
    ['endpoints that are none', { endpoints: ['nowhere'] }, 'SERIN_REQUEST_INVALID'],
    ['the revision that is stable already', { revision: 'v1', endpoints: null }, 'SERIN_CONFLICT'],
  ])('refuses %s', async (_, fields, code) => {
    rig = await engineRig();
    await apply(...SHOP);
    expect(await start(fields)).toMatchObject({ kind: 'error', errors: [{ code }] });
    expect(await rig.engine.rollouts({ backend: null, phase: null, limit: 10, cursor: null })).toMatchObject({
      value: { rollouts: [] },
    });
  });

  it('refuses a backend that no Route leads to', async () => {
    rig = await engineRig();
    await apply(backendYaml(), planYaml());
    expect(await start()).toMatchObject({ errors: [{ code: 'SERIN_NOT_READY' }] });
  });

  it('F23: refuses a plan that needs what the oldest Envoy lacks, with its name and the version needed', async () => {
    rig = await engineRig();
    await apply(routeYaml({ path: '/shop' }), backendYaml(), planYaml());
    rig.envoyVersion = '1.21.4';
    const refused = await start();
    expect(refused).toMatchObject({ errors: [{ code: 'SERIN_NOT_READY' }] });
    expect(refused.kind === 'error' && refused.errors[0]?.message).toMatch(/^Envoy edge-a runs 1\.21\.4; .* 1\.22/);
    rig.envoyVersion = '1.22.0';
    expect(await start()).toMatchObject({ kind: 'ok' });
  });

  it('refuses a second rollout on the same backend and names the first', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    const first = await start();
    const id = first.kind === 'ok' ? first.value.view.rollout.id : 'none';
    const second = await start({ revision: 'v3' });
    expect(second).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    expect(second.kind === 'error' && second.errors[0]?.message).toContain(id);
  });

  it('F28: refuses a build that is older than one that was started, also once that has ended, and goes back without one', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    const first = await start({ build: 42 });
    const id = first.kind === 'ok' ? first.value.view.rollout.id : 'none';
    const late = await start({ revision: 'v1b', build: 41 });
    expect(late).toMatchObject({ errors: [{ code: 'SERIN_STALE_TRIGGER' }] });
    expect(late.kind === 'error' && late.errors[0]?.message).toBe(
      'build 41 (v1b) of checkout is older than build 42 (v2), which was started already',
    );
    const command = { type: 'abort', reason: 'enough' } as const;
    await rig.answer(rig.engine.command({ id, command, by: 'someone', rev: null }));
    expect(await start({ revision: 'v1b', build: 41 })).toMatchObject({ errors: [{ code: 'SERIN_STALE_TRIGGER' }] });
    expect(await start({ build: 42 })).toMatchObject({ kind: 'ok' });
  });

  it('lets exactly one of ten concurrent starts own the backend', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => start({ revision: `v${i + 2}` })));
    expect(outcomes.filter(({ kind }) => kind === 'ok')).toHaveLength(1);
  });

  it('F28: starts once for one idempotency key, under concurrent calls too', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => start({ idempotencyKey: 'build-17' })));
    const started = outcomes.map((outcome) => (outcome.kind === 'ok' ? outcome.value : null));
    expect(new Set(started.map((value) => value?.view.rollout.id)).size).toBe(1);
    expect(started.filter((value) => value?.created)).toHaveLength(1);
  });

  it('F28: a call that was overtaken by its twin after it had looked for it is not refused for what the twin did', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    const twin = { plan: 'checkout', revision: 'v2', endpoints: ['127.0.0.1:9090'], by: 'ci', idempotencyKey: 'b17' };
    const { records } = rig.deps;
    const first: Awaited<ReturnType<typeof start>>[] = [];
    // given: nothing is there under the key when it looks, and all is done when it reads on
    const overtaken: typeof records = {
      ...records,
      read: async (keys) => {
        const read = await records.read(keys);
        if (keys.some((key) => key.startsWith('rollout/')) && first.length === 0)
          first.push(await start({ ...twin, build: 42 }));
        return read;
      },
    };
    const second = await beginRollout({ ...rig.deps, records: overtaken }, { ...twin, build: 42 });
    expect(first).toMatchObject([{ value: { created: true } }]);
    expect(second).toMatchObject({ value: { created: false } });
  });

  it('refuses another request under a key that was used', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    await start({ idempotencyKey: 'build-17' });
    expect(await start({ idempotencyKey: 'build-17', revision: 'v3' })).toMatchObject({
      errors: [{ code: 'SERIN_IDEMPOTENCY_MISMATCH' }],
    });
  });

  it('tells a repeated start about the first one when the first reply was lost', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    rig.store.faults.failNextCommit('reply lost');
    expect(await start({ idempotencyKey: 'build-17' })).toMatchObject({
      errors: [{ code: 'SERIN_STORE_UNAVAILABLE' }],
    });
    expect(await start({ idempotencyKey: 'build-17' })).toMatchObject({ kind: 'ok', value: { created: false } });
  });

  it('F30: runs by the plan it started with, whatever is applied meanwhile', async () => {
    rig = await engineRig();
    await apply(...SHOP);
    const started = await start();
    const id = started.kind === 'ok' ? started.value.view.rollout.id : '';
    await apply(planYaml({ steps: '[{ weight: 99, approve: true }]' }));
    await rig.until(async () => {
      const view = await rig.engine.rollout(id);
      return view.kind === 'ok' && view.value.rollout.phase === 'promoted';
    });
    const view = await rig.engine.rollout(id);
    expect(view.kind === 'ok' && view.value.rollout.history.map(({ weight }) => weight)).toEqual([1_000, 5_000]);
  });
});
