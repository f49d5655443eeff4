import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { start } from '../../src/engine/start.ts';
import { planYaml } from '../support/engine-documents.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';
import { type SecondRevision, secondRevision } from '../support/second-revision.ts';

let t: SecondRevision;
beforeEach(async () => {
  t = await secondRevision();
});
afterEach(() => t.rig.stop());

describe('F29: a new revision while another one rolls', () => {
  it('supersede: the running one goes back to stable, and the newer one begins when every Envoy is back', async () => {
    // given
    const first = await t.rolling('supersede');
    expect(await t.split()).toEqual([
      ['v1', 9_000],
      ['v2', 1_000],
    ]);
    t.rig.envoys('edge', 'silent');
    // when
    const second = await startRollout(t.rig, 'v3');
    // then: one commit has sent all requests back, and nobody has to remember what comes next
    expect(await t.split()).toEqual([['v1', 10_000]]);
    expect(await t.backend()).toMatchObject({ rolloutId: first, next: second });
    expect(await rolloutOf(t.rig, first)).toMatchObject({
      phase: 'aborting',
      cause: { kind: 'superseded', by: 'ci', summary: `v3 takes its place (rollout ${second}, started by ci)` },
    });
    expect(await rolloutOf(t.rig, second)).toMatchObject({
      phase: 'pending',
      waitingFor: `rollout ${first} of checkout to end`,
      queued: { behind: first },
      push: null,
    });
    await t.sound();
    await t.rig.clock.advance(60_000);
    expect(await rolloutOf(t.rig, second)).toMatchObject({ phase: 'pending', push: null });
    // when
    t.rig.envoys('edge', 'ack');
    await t.rig.until(t.isIn(first, 'superseded'));
    await t.rig.until(t.isIn(second, 'promoted'));
    // then
    expect(await t.backend()).toMatchObject({ rolloutId: null, next: null, stable: { name: 'v3' } });
    expect(t.rig.delivered.map(({ rolloutId, kind }) => [rolloutId === first ? 'v2' : 'v3', kind])).toEqual(
      expect.arrayContaining([
        ['v2', 'aborting'],
        ['v3', 'queued'],
        ['v2', 'superseded'],
        ['v3', 'started'],
        ['v3', 'promoted'],
      ]),
    );
    await t.replayed(first);
    await t.replayed(second);
    await t.sound();
  });

  it('supersede: one without traffic yet ends at once', async () => {
    await t.shop('supersede');
    const first = await startRollout(t.rig, 'v2');
    const second = await startRollout(t.rig, 'v3');
    expect(await rolloutOf(t.rig, first)).toMatchObject({ phase: 'superseded', history: [] });
    await t.rig.until(t.isIn(second, 'promoted'));
    await t.replayed(first);
    await t.replayed(second);
  });

  it('supersede: one on its way back is waited for, and ends for its own reason', async () => {
    const first = await t.rolling('supersede');
    t.rig.envoys('edge', 'silent');
    await t.command(first, { type: 'abort', reason: 'enough' });
    const second = await startRollout(t.rig, 'v3');
    t.rig.envoys('edge', 'ack');
    await t.rig.until(t.isIn(second, 'promoted'));
    expect(await rolloutOf(t.rig, first)).toMatchObject({ phase: 'aborted', cause: { kind: 'person' } });
    await t.replayed(first);
  });

  it('supersede: an undo is waited for: all requests would return to what a person has left', async () => {
    const first = await t.rolling('supersede');
    await t.rig.until(t.isIn(first, 'promoted'));
    t.rig.envoys('edge', 'silent');
    const undone = await t.rig.engine.undo({ of: 'checkout', reason: 'bad', by: 'ann', idempotencyKey: null });
    if (undone.kind === 'error') throw new Error(undone.errors[0]?.message);
    const second = await startRollout(t.rig, 'v3');
    expect(await t.split()).toContainEqual(['v1', 10_000]);
    t.rig.envoys('edge', 'ack');
    await t.rig.until(t.isIn(second, 'promoted'));
    expect(await rolloutOf(t.rig, second)).toMatchObject({ stable: { name: 'v1' } });
    await t.sound();
  });

  it('queue: the running one goes on, and the waiting one begins with what that has made stable', async () => {
    const first = await t.rolling('queue');
    const second = await startRollout(t.rig, 'v3');
    expect(await rolloutOf(t.rig, first)).toMatchObject({ phase: 'stepping', cause: null });
    const before = (await rolloutOf(t.rig, second)).deadlineAtMs;
    await t.rig.clock.advance(5_000);
    await t.rig.until(t.isIn(first, 'promoted'));
    await t.rig.until(t.isIn(second, 'stepping'));
    const begun = await rolloutOf(t.rig, second);
    expect(begun).toMatchObject({ stable: { name: 'v2' }, queued: null });
    expect(begun.deadlineAtMs).toBeGreaterThan(before + 5_000);
    await t.rig.until(t.isIn(second, 'promoted'));
    await t.replayed(first);
    await t.replayed(second);
    await t.sound();
  });

  it('the newest waits: who waited before ends superseded, without traffic', async () => {
    const first = await t.rolling('queue');
    const second = await startRollout(t.rig, 'v3');
    const third = await startRollout(t.rig, 'v4');
    expect(await rolloutOf(t.rig, second)).toMatchObject({
      ...{ phase: 'superseded', history: [], push: null },
      cause: { kind: 'superseded', summary: `v4 takes its place (rollout ${third}, started by ci)` },
    });
    expect(await t.backend()).toMatchObject({ rolloutId: first, next: third });
    await t.sound();
    await t.rig.until(t.isIn(third, 'promoted'));
    expect((await rolloutOf(t.rig, first)).phase).toBe('promoted');
    await t.replayed(first, second, third);
  });

  it('reject: refused as without a word, and nothing has changed', async () => {
    const first = await t.rolling('reject');
    const refused = await t.ask('v3');
    expect(refused).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    expect(refused.kind === 'error' && refused.errors[0]?.message).toContain(first);
    expect((await t.backend()).next ?? null).toBeNull();
  });

  it('the newer plan says, also one that was applied while the other rolls', async () => {
    const first = await t.rolling('reject');
    await t.apply(planYaml({ onNewRevision: 'supersede' }));
    await startRollout(t.rig, 'v3');
    expect((await rolloutOf(t.rig, first)).phase).toBe('aborting');
  });

  it('refuses the very revision that rolls or waits, and names its rollout', async () => {
    const first = await t.rolling('supersede');
    const again = await t.ask('v2');
    expect(again).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    expect(again.kind === 'error' && again.errors[0]?.message).toContain(first);
    expect((await rolloutOf(t.rig, first)).phase).toBe('stepping');
    t.rig.envoys('edge', 'silent');
    const second = await startRollout(t.rig, 'v3');
    const third = await t.ask('v3');
    expect(third.kind === 'error' && third.errors[0]?.message).toContain(second);
    expect((await rolloutOf(t.rig, second)).phase).toBe('pending');
  });

  it('refuses the revision that is stable, and the running one goes on', async () => {
    const first = await t.rolling('supersede');
    const stable = { plan: 'checkout', revision: 'v1', endpoints: null, by: 'ci', idempotencyKey: null };
    expect(await t.rig.engine.start(stable)).toMatchObject({ errors: [{ code: 'SERIN_CONFLICT' }] });
    expect((await rolloutOf(t.rig, first)).phase).toBe('stepping');
  });

  it('F28: one key makes one rollout that waits, also when both come at once or the answer was lost', async () => {
    const first = await t.rolling('queue');
    const both = await Promise.all([t.ask('v3', 'build-3'), t.ask('v3', 'build-3')]);
    const ids = both.map((one) => (one.kind === 'ok' ? one.value.view.rollout.id : null));
    expect(new Set(ids).size).toBe(1);
    t.rig.store.faults.failNextCommit('reply lost');
    expect(await t.ask('v4', 'build-4')).toMatchObject({ errors: [{ code: 'SERIN_STORE_UNAVAILABLE' }] });
    const again = await t.ask('v4', 'build-4');
    expect(again).toMatchObject({ kind: 'ok', value: { created: false } });
    expect(await t.backend()).toMatchObject({
      rolloutId: first,
      next: again.kind === 'ok' && again.value.view.rollout.id,
    });
  });

  it('of ten triggers at once one waits in the end, and nobody is left over', async () => {
    const first = await t.rolling('queue');
    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => t.ask(`w${i}`)));
    const ids = outcomes.flatMap((one) => (one.kind === 'ok' ? [one.value.view.rollout.id] : []));
    const { next } = await t.backend();
    expect(ids).toContain(next);
    for (const id of ids) expect((await rolloutOf(t.rig, id)).phase).toBe(id === next ? 'pending' : 'superseded');
    expect((await rolloutOf(t.rig, first)).phase).toBe('stepping');
    await t.sound();
  });

  it('between the end of one and the beginning of the next, a newer one takes the place and begins', async () => {
    // given: the running one has ended, and nobody has looked at the next one yet
    const first = await t.rolling('queue');
    const second = await startRollout(t.rig, 'v3');
    const ended = { ...(await rolloutOf(t.rig, first)), phase: 'aborted' };
    const free = { ...(await t.backend()), rolloutId: null };
    await t.write({ [`rollout/${first}`]: ended, 'backend/checkout': free });
    // when
    const third = await startRollout(t.rig, 'v4');
    // then
    expect(await t.backend()).toMatchObject({ rolloutId: third, next: null });
    expect(await rolloutOf(t.rig, second)).toMatchObject({ phase: 'superseded', history: [] });
    await t.rig.until(t.isIn(third, 'promoted'));
    await t.replayed(second, third);
  });

  it('a running one that ends while the start reads is no reason to refuse it', async () => {
    const first = await t.rolling('queue');
    const ended = { ...(await rolloutOf(t.rig, first)), phase: 'aborted' };
    const free = { ...(await t.backend()), rolloutId: null };
    const { read } = t.rig.deps.records;
    let ends = true;
    const records = {
      ...t.rig.deps.records,
      read: async (keys: Parameters<typeof read>[0]) => {
        if (keys[0] === `rollout/${first}` && ends) {
          ends = false;
          await t.write({ [`rollout/${first}`]: ended, 'backend/checkout': free });
        }
        return read(keys);
      },
    };
    const request = { plan: 'checkout', revision: 'v3', endpoints: null, by: 'ci', idempotencyKey: null };
    expect(await start({ ...t.rig.deps, records }, request)).toMatchObject({
      value: { created: true, view: { rollout: { phase: 'pending' } } },
    });
    expect(ends).toBe(false);
  });

  it('a backend that names a rollout which is not there is left to a person', async () => {
    await t.shop('queue');
    await t.write({ 'backend/checkout': { ...(await t.backend()), rolloutId: 'gone' } });
    expect(await t.ask('v3')).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    // One that is only named as the next is in nobody's way.
    await t.write({ 'backend/checkout': { ...(await t.backend()), rolloutId: null, next: 'gone' } });
    const id = await startRollout(t.rig, 'v3');
    expect(await t.backend()).toMatchObject({ rolloutId: id, next: null });
  });

  it('a hint that is lost, a commit that goes wrong: the next look lets it begin', async () => {
    const first = await t.rolling('supersede');
    const second = await startRollout(t.rig, 'v3');
    t.rig.store.faults.failNextCommit('unavailable', 'conflict', 'reply lost', 'unavailable');
    await t.rig.until(t.isIn(second, 'promoted'));
    expect((await rolloutOf(t.rig, first)).phase).toBe('superseded');
    await t.replayed(second);
  });
});
