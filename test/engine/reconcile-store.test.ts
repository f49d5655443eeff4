import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verify } from '../../src/engine/store-admin.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import type { EngineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';
import { atStep, lostStep, twoStepsRig } from '../support/two-steps.ts';

let r: EngineRig;
beforeEach(async () => {
  r = await twoStepsRig();
});
afterEach(() => r.stop());

async function weights(): Promise<readonly number[]> {
  const table = await r.store.traffic.table('edge');
  if (table.kind !== 'ok') throw new Error(table.detail);
  const value = table.value.owners.get('backend/checkout')?.value;
  return value?.kind === 'backend' ? value.split.map(({ weight }) => weight) : [];
}

const reconcile = (mode: 'adopt' | 'stable') => r.engine.reconcileStore({ mode, by: 'me' });

describe('a store that has lost a step', () => {
  it('takes no change of anybody, and says why', async () => {
    const id = await lostStep(r);
    const refused = { kind: 'error', errors: [{ code: 'SERIN_STORE_REGRESSED' }] };
    const command = { id, command: { type: 'pause', reason: 'x' }, rev: null, by: 'me' } as const;
    expect(await r.engine.command(command)).toMatchObject(refused);
    expect(await r.engine.apply({ files: files(planYaml()), dryRun: false, by: 'me' })).toMatchObject(refused);
    expect(await r.engine.remove({ kind: 'Plan', name: 'checkout', by: 'me' })).toMatchObject(refused);
    await r.clock.advance(60_000);
    expect((await rolloutOf(r, id)).step).toBe(0);
  });

  it('adopted: goes on at the step that the Envoys have, when a person says so', async () => {
    const id = await lostStep(r);
    const done = await reconcile('adopt');
    expect(done).toMatchObject({
      kind: 'ok',
      value: {
        mode: 'adopt',
        backends: [{ backend: 'checkout', summary: expect.stringContaining('step 2') }],
        routes: [],
      },
    });
    expect(await rolloutOf(r, id)).toMatchObject({ phase: 'stepping', step: 1, paused: { by: 'me' } });
    expect(await weights()).toEqual([5_000, 5_000]);
    await r.engine.command({ id, command: { type: 'resume' }, rev: null, by: 'me' });
    await r.until(async () => (await rolloutOf(r, id)).phase === 'promoted');
  });

  it('to stable: ends the rollout as aborted, with the reason, and another one can start', async () => {
    const id = await lostStep(r);
    expect((await reconcile('stable')).kind).toBe('ok');
    const ended = await rolloutOf(r, id);
    expect(ended).toMatchObject({ phase: 'aborted', cause: { kind: 'person', by: 'me' } });
    expect(ended.cause?.summary).toContain('the store had lost commits');
    expect(await weights()).toEqual([10_000]);
    await r.until(async () => r.delivered.some(({ kind }) => kind === 'aborted'));
    const next = await startRollout(r);
    await r.until(atStep(r, next, 0));
  });

  it('says so to whoever asks whether it is ready, and is', async () => {
    expect((await r.engine.readiness())[0]).toMatchObject({ name: 'store', ok: true, detail: 'answers' });
    await lostStep(r);
    expect((await r.engine.readiness())[0]).toMatchObject({
      ok: true,
      detail: expect.stringContaining('lost commits'),
    });
    r.store.faults.setDown(true);
    expect((await r.engine.readiness())[0]).toMatchObject({ name: 'store', ok: false });
  });

  it('leaves a store that is sound', async () => {
    await lostStep(r);
    await reconcile('stable');
    const checked = await verify(r.store.archive, null);
    expect(checked.kind === 'ok' && checked.value.damage).toEqual([]);
  });

  it('is reconciled once', async () => {
    await lostStep(r);
    await reconcile('stable');
    expect(await reconcile('adopt')).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_CONFLICT' }] });
  });

  it('is not adopted by an engine that does not know what the Envoys run', async () => {
    await lostStep(r);
    r.forget();
    expect(await reconcile('adopt')).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_NOT_READY' }] });
    expect((await reconcile('stable')).kind).toBe('ok');
    expect(await weights()).toEqual([10_000]);
  });
});

describe('a store that is empty', () => {
  it.each(['adopt', 'stable'] as const)('%s: Envoys keep their routes, and what is stable', async (mode) => {
    r.store.faults.wipe();
    await r.store.lineage.look();
    const done = await reconcile(mode);
    expect(done).toMatchObject({ kind: 'ok', value: { routes: ['shop'] } });
    expect(await weights()).toEqual([10_000]);
    const table = await r.store.traffic.table('edge');
    expect(table.kind === 'ok' && [...table.value.owners.keys()].sort()).toEqual(['backend/checkout', 'route/shop']);
    // The documents come from where they are kept.
    const applied = await r.answer(
      r.engine.apply({ files: files(routeYaml(), backendYaml(), planYaml()), dryRun: false, by: 'me' }),
    );
    expect(applied.kind).toBe('ok');
    const id = await startRollout(r);
    await r.until(atStep(r, id, 0));
  });
});

it('an empty store is not made the truth by an engine that remembers nothing', async () => {
  r.store.faults.wipe();
  await r.store.lineage.look();
  r.forget();
  expect(await reconcile('stable')).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_NOT_READY' }] });
});

it('a sound store is not reconciled', async () => {
  expect(await reconcile('stable')).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_CONFLICT' }] });
});
