import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExplainRequest } from '../../src/engine/explain-live.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';
import { atStep } from '../support/two-steps.ts';

const STEPS =
  '[{ name: testers, weight: 0, hold: 1m, matches: [{ headers: [{ name: x-canary, type: Exact, value: always }] }] }, { name: ten, weight: 10, hold: 1m }, { name: half, weight: 50, hold: 1m }]';

let rig: EngineRig;
let id: string;
beforeEach(async () => {
  rig = await engineRig();
  const all = files(routeYaml(), backendYaml(), planYaml({ steps: STEPS }));
  await rig.answer(rig.engine.apply({ files: all, dryRun: false, by: 'me' }));
  id = await startRollout(rig);
  await rig.until(atStep(rig, id, 1));
});
afterEach(() => rig.stop());

async function asked(fields: Partial<ExplainRequest> = {}, headers: ExplainRequest['request']['headers'] = []) {
  const request = { method: 'GET', host: 'shop-edge.example.com', path: '/', headers };
  const told = await rig.engine.explain({ request, fleet: null, rollout: null, step: null, ...fields });
  if (told.kind === 'error') return told.errors[0]?.code;
  const taking = told.value.arms.filter(({ probability }) => probability > 0);
  return taking.map(({ revision, arm, probability, pinned }) => [revision, arm, probability, pinned]);
}

describe('a request is explained by what the engine has', () => {
  it('as it is now, with a rollout or without its name', async () => {
    const now = [
      ['v1', 'stable', 0.9, false],
      ['v2', 'canary', 0.1, false],
    ];
    expect(await asked()).toEqual(now);
    expect(await asked({ rollout: id })).toEqual(now);
    expect(await asked({ rollout: id, step: '2' })).toEqual(now);
  });

  it('as it would be at any other step, of which nothing is committed', async () => {
    expect(await asked({ rollout: id, step: 'half' })).toEqual([
      ['v1', 'stable', 0.5, false],
      ['v2', 'canary', 0.5, false],
    ]);
    const always = [['x-canary', 'always']] as const;
    expect(await asked({ rollout: id, step: 'testers' }, always)).toEqual([['v2', 'canary', 1, true]]);
    expect(await asked({ rollout: id, step: 'testers' })).toEqual([['v1', 'stable', 1, false]]);
    expect(await asked({ rollout: id, step: '0' })).toEqual([['v1', 'stable', 1, false]]);
    expect(await asked({ rollout: id, step: 'promoted' })).toEqual([['v2', 'canary', 1, false]]);
    expect((await rolloutOf(rig, id)).step).toBe(1);
  });

  it('of one that has ended, as it would have been', async () => {
    await rig.answer(
      rig.engine.command({ id, command: { type: 'abort', reason: 'enough' }, rev: null, by: 'someone' }),
    );
    await rig.until(async () => (await rolloutOf(rig, id)).phase === 'aborted');
    expect(await asked()).toEqual([['v1', 'stable', 1, false]]);
    expect(await asked({ rollout: id, step: 'half' })).toEqual([
      ['v1', 'stable', 0.5, false],
      ['v2', 'canary', 0.5, false],
    ]);
  });

  it('and refused where there is no such rollout, step or fleet, and without the store', async () => {
    expect(await asked({ rollout: 'nobody' })).toBe('SERIN_NOT_FOUND');
    expect(await asked({ rollout: id, step: '9' })).toBe('SERIN_REQUEST_INVALID');
    expect(await asked({ step: '1' })).toBe('SERIN_REQUEST_INVALID');
    expect(await asked({ fleet: 'other' })).toBe('SERIN_NOT_FOUND');
    rig.store.faults.setDown(true);
    expect(await asked()).toBe('SERIN_STORE_UNAVAILABLE');
    rig.store.faults.setDown(false);
  });
});
