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
