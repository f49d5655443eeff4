import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settleEmergency } from '../../src/engine/settle-emergency.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';
import { type SecondRevision, secondRevision } from '../support/second-revision.ts';
import { atStep } from '../support/two-steps.ts';

let t: SecondRevision;
beforeEach(async () => {
  t = await secondRevision();
});
afterEach(() => t.rig.stop());

describe('a rollout that waits', () => {
  it('is aborted like any other: its place is free, and the running one goes on', async () => {
    const first = await t.rolling('queue');
    const second = await startRollout(t.rig, 'v3');
    expect(await t.command(second, { type: 'abort', reason: 'enough' })).toMatchObject({
      value: { rollout: { phase: 'aborted' } },
    });
    expect(await t.backend()).toMatchObject({ rolloutId: first, next: null });
    expect(await t.split()).toContainEqual(['v2', 1_000]);
    const third = await startRollout(t.rig, 'v4');
    await t.rig.until(t.isIn(third, 'promoted'));
    await t.replayed(first, second, third);
    await t.sound();
  });

  it('begins paused where a person has paused it', async () => {
    const first = await t.rolling('queue');
    const second = await startRollout(t.rig, 'v3');
    await t.command(second, { type: 'pause', reason: 'not yet' });
    await t.rig.until(t.isIn(first, 'promoted'));
    await t.rig.clock.advance(60_000);
    expect(await rolloutOf(t.rig, second)).toMatchObject({ phase: 'pending', queued: null, paused: { by: 'ann' } });
    await t.command(second, { type: 'resume' });
    await t.rig.until(t.isIn(second, 'promoted'));
    await t.replayed(second);
  });

  it('is listed and counted as what it is', async () => {
    await t.rolling('queue');
    const second = await startRollout(t.rig, 'v3');
    const page = { backend: 'checkout', phase: 'active', limit: 10, cursor: null } as const;
    expect(await t.rig.engine.rollouts(page)).toMatchObject({ value: { rollouts: [{ rollout: { id: second } }, {}] } });
    expect(await t.rig.store.counts.census()).toMatchObject({
      value: {
        active: new Map([
          ['stepping', 1],
          ['pending', 1],
        ]),
      },
    });
  });

  it('keeps the documents that it needs', async () => {
    await t.rolling('queue');
    await startRollout(t.rig, 'v3');
    expect(await t.rig.engine.remove({ kind: 'Route', name: 'shop', by: 'me' })).toMatchObject({
      errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }],
    });
  });

  it('does not begin by itself after an emergency that came later', async () => {
    const first = await t.rolling('queue');
    const second = await startRollout(t.rig, 'v3');
    const cluster = (await t.backend()).stable?.cluster ?? '';
    const decision = { id: 'e1', backend: 'checkout', cluster, reason: 'fire', by: 'ann', atMs: t.rig.clock.now() };
    expect(await settleEmergency(t.rig.deps, decision)).toMatchObject({
      kind: 'written',
    });
    await t.rig.until(t.isIn(first, 'aborted'));
    expect(await rolloutOf(t.rig, second)).toMatchObject({ phase: 'aborted', cause: { by: 'ann' } });
  });

  it.each(['stable', 'adopt'] as const)('F6: in a store that had lost commits: %s', async (mode) => {
    const first = await t.rolling('queue');
    const second = await startRollout(t.rig, 'v3');
    const restore = t.rig.store.faults.backup();
    await t.rig.until(atStep(t.rig, first, 1));
    restore();
    await t.rig.store.lineage.look();
    expect(await t.rig.engine.reconcileStore({ mode, by: 'me' })).toMatchObject({ kind: 'ok' });
    await t.sound();
    if (mode === 'stable') {
      // then: it ends with all others, in the same commit
      expect(await rolloutOf(t.rig, second)).toMatchObject({ phase: 'aborted', cause: { by: 'me' } });
    } else {
      // then: it goes on waiting
      await t.command(first, { type: 'resume' });
      await t.rig.until(t.isIn(second, 'promoted'));
    }
    expect(await t.backend()).toMatchObject({ rolloutId: null, next: null });
  });
});
