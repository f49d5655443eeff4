import { afterEach, describe, expect, it } from 'vitest';
import type { DocumentKind } from '../../src/core/model/documents.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

async function shop(): Promise<void> {
  rig = await engineRig();
  const documents = files(routeYaml(), backendYaml(), planYaml());
  await rig.answer(rig.engine.apply({ files: documents, dryRun: false, by: 'someone' }));
}

const remove = (kind: DocumentKind, name: string): ReturnType<EngineRig['engine']['remove']> =>
  rig.engine.remove({ kind, name, by: 'someone' });

async function owners(): Promise<readonly string[]> {
  const table = await rig.store.traffic.table('edge');
  return table.kind === 'ok' ? [...table.value.owners.keys()] : [];
}

describe('remove', () => {
  it('refuses what does not exist', async () => {
    await shop();
    expect(await remove('Plan', 'other')).toMatchObject({ errors: [{ code: 'SERIN_NOT_FOUND' }] });
  });

  it('keeps a backend while a Route or a Plan names it, and says which', async () => {
    await shop();
    expect(await remove('Backend', 'checkout')).toMatchObject({
      errors: [{ code: 'SERIN_IN_USE', message: 'Backend checkout is used by Plan checkout, Route shop' }],
    });
    await remove('Route', 'shop');
    expect(await remove('Backend', 'checkout')).toMatchObject({
      errors: [{ code: 'SERIN_IN_USE', message: 'Backend checkout is used by Plan checkout' }],
    });
  });

  it('keeps a Strategy that a Plan uses', async () => {
    await shop();
    const own = `apiVersion: serin.dev/v1
kind: Strategy
metadata: { name: careful }
spec: { steps: [{ weight: 1, hold: 1h }] }
`;
    const plan = planYaml().replace(/strategy: .*/, 'strategy: { use: careful }');
    expect(await rig.answer(rig.engine.apply({ files: files(own, plan), dryRun: false, by: 'someone' }))).toMatchObject(
      { kind: 'ok' },
    );
    expect(await remove('Strategy', 'careful')).toMatchObject({
      errors: [{ code: 'SERIN_IN_USE', message: 'Strategy careful is used by Plan checkout' }],
    });
    await remove('Plan', 'checkout');
    expect(await remove('Strategy', 'careful')).toMatchObject({ kind: 'ok' });
  });

  it('keeps a Route whose backend is rolling', async () => {
    await shop();
    await rig.engine.start({ plan: 'checkout', revision: 'v2', endpoints: null, by: 'ci', idempotencyKey: null });
    expect(await remove('Route', 'shop')).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    expect(await owners()).toContain('route/shop');
  });

  it('takes a Route out of its fleet, and leaves the clusters its requests may still use', async () => {
    await shop();
    expect(await remove('Route', 'shop')).toMatchObject({ value: { action: 'deleted' } });
    expect(await owners()).toEqual(['backend/checkout']);
  });

  it('F30: lets a running rollout go on without its Plan', async () => {
    await shop();
    const started = await rig.engine.start({
      plan: 'checkout',
      revision: 'v2',
      endpoints: null,
      by: 'ci',
      idempotencyKey: null,
    });
    const id = started.kind === 'ok' ? started.value.view.rollout.id : '';
    await remove('Plan', 'checkout');
    await rig.until(async () => {
      const view = await rig.engine.rollout(id);
      return view.kind === 'ok' && view.value.rollout.phase === 'promoted';
    });
  });
});
