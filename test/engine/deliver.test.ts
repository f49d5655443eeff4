import { afterEach, describe, expect, it } from 'vitest';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

const DAY_MS = 24 * 3_600_000;

async function rolloutStarted(): Promise<void> {
  rig = await engineRig();
  await rig.answer(
    rig.engine.apply({ files: files(routeYaml(), backendYaml(), planYaml()), dryRun: false, by: 'someone' }),
  );
  rig.delivery = { kind: 'retry', afterMs: null, detail: 'HTTP 503' };
  await rig.engine.start({ plan: 'checkout', revision: 'v2', endpoints: null, by: 'ci', idempotencyKey: null });
}

async function ended(): Promise<void> {
  await rig.until(async () => {
    const list = await rig.engine.rollouts({ backend: null, phase: 'promoted', limit: 1, cursor: null });
    return list.kind === 'ok' && list.value.rollouts.length === 1;
  });
}

describe('deliver', () => {
  it('F24: keeps the order, and the rollout does not wait', async () => {
    await rolloutStarted();
    rig.delivery = { kind: 'delivered' };
    await ended();
    await rig.clock.advance(3_600_000);
    expect(rig.delivered.map(({ kind }) => kind)).toEqual(['started', 'step', 'step', 'promoted']);
  });

  it('tells in one message, after an outage, what came of it, and in short what was before', async () => {
    await rolloutStarted();
    await ended();
    expect(rig.delivered).toEqual([]);
    rig.delivery = { kind: 'delivered' };
    await rig.clock.advance(3_600_000);
    expect(rig.delivered.map(({ kind }) => kind)).toEqual(['promoted']);
    const { count, updates } = rig.delivered[0]?.earlier ?? { count: 0, updates: [] };
    expect(count).toBe(3);
    expect(updates.map(({ kind }) => kind)).toEqual(['started', 'step', 'step']);
    expect(updates.map(({ atMs }) => atMs)).toEqual(updates.map(({ atMs }) => atMs).toSorted());
  });

  it('F24: puts a message that nobody took for a day among the dead letters, in the open', async () => {
    await rolloutStarted();
    await rig.clock.advance(2 * DAY_MS);
    expect(await rig.engine.deadLetters(10)).toMatchObject({
      value: expect.arrayContaining([expect.objectContaining({ detail: 'HTTP 503' })]),
    });
  });

  it('does not try again what was refused for good', async () => {
    await rolloutStarted();
    rig.delivery = { kind: 'rejected', detail: 'HTTP 410' };
    await rig.clock.advance(3_600_000);
    rig.delivery = { kind: 'delivered' };
    await rig.clock.advance(DAY_MS);
    expect(rig.delivered).toEqual([]);
    const dead = await rig.engine.deadLetters(10);
    expect(dead.kind === 'ok' && dead.value.length).toBeGreaterThan(0);
  });
});
