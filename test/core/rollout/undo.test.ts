import { describe, expect, it } from 'vitest';
import type { BackendState } from '../../../src/core/model/backend-state.ts';
import { isTerminal } from '../../../src/core/model/phase.ts';
import { decideUndo, type UndoInput } from '../../../src/core/rollout/undo.ts';
import { backendTraffic } from '../../../src/core/traffic/backend-traffic.ts';
import { backendState, fleetAt, node, planSpec, planStep, revision, rollout } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const HOUR = 3_600_000;
const warm = (fields: Partial<BackendState> = {}): BackendState =>
  backendState({
    stable: revision('v2'),
    rolloutId: null,
    retired: [{ revision: revision('v1'), pinned: false, untilMs: 24 * HOUR }],
    previous: { revision: revision('v1'), rolloutId: 'r1', warmUntilMs: 2 * HOUR },
    ...fields,
  });

const asked = (fields: Partial<UndoInput> = {}): UndoInput => ({
  id: 'u1',
  backend: warm(),
  of: null,
  undone: rollout({ spec: planSpec({ notify: ['deploys'], bakeMs: HOUR, ackTimeoutMs: 7_000, onLaggard: 'exclude' }) }),
  fleets: ['edge'],
  requires: [],
  observed: { fleets: fleetAt(3, [node('a'), node('b'), node('gone', { connected: false })]) },
  by: 'someone',
  reason: 'carts are empty',
  nowMs: HOUR,
  ...fields,
});

describe('an undo', () => {
  it.each([
    ['while a rollout is active', { backend: warm({ rolloutId: 'r7' }) }, 'SERIN_ROLLOUT_ACTIVE', /r7/],
    ['of what was never promoted', { backend: warm({ previous: null }) }, 'SERIN_NOT_WARM', /no promotion/],
    [
      'where earlier versions kept nothing',
      { backend: warm({ previous: undefined }) },
      'SERIN_NOT_WARM',
      /no promotion/,
    ],
    ['of what is stable already', { backend: warm({ stable: revision('v1') }) }, 'SERIN_NOT_WARM', /no promotion/],
    ['of another rollout', { of: 'r0' }, 'SERIN_CONFLICT', /r0 did not make v2 stable.* r1 did/],
    [
      'after its time',
      { nowMs: 2 * HOUR + 90_000 },
      'SERIN_NOT_WARM',
      /v1 of checkout is not warm any more, since 1m30s/,
    ],
    ['of what is served no more', { backend: warm({ retired: [] }) }, 'SERIN_NOT_WARM', /not warm/],
    ['where no Route leads', { fleets: [] }, 'SERIN_NOT_READY', /no Route/],
  ] as const)('%s is refused', (_, fields, code, message) => {
    const decided = decideUndo(asked(fields));
    expect(decided).toMatchObject({ kind: 'error', errors: [{ code }] });
    expect(decided.kind === 'error' && decided.errors[0]?.message).toMatch(message);
  });

  it('while a rollout is active says how to go back instead', () => {
    const decided = decideUndo(asked({ backend: warm({ rolloutId: 'r7' }) }));
    expect(decided.kind === 'error' && decided.errors[0]?.hint).toBe(
      'Abort it first: serin rollout abort r7. That goes back to v2.',
    );
  });

  it('sends all requests back in its one commit, as a rollout of its own that the connected Envoys have to take', () => {
    const decided = decideUndo(asked());
    if (decided.kind === 'error') throw new Error(decided.errors[0]?.message);
    const { rollout: undo, backend, traffic, events, notices } = decided.value;
    expect(traffic).toBe(true);
    expect(undo).toMatchObject({ id: 'u1', phase: 'promoting', undoes: 'r1', step: -1, startedBy: 'someone' });
    expect([undo.stable?.name, undo.canary.name, backend.rolloutId]).toEqual(['v2', 'v1', 'u1']);
    expect(undo.push).toMatchObject({ counted: { edge: ['a', 'b'] }, liveAtMs: null, probe: null });
    expect(backendTraffic(backend, undo)).toMatchObject({
      split: [
        { cluster: revision('v2').cluster, weight: 0 },
        { cluster: revision('v1').cluster, weight: 10_000 },
      ],
      maxStreamMs: null,
    });
    expect(undo.spec).toMatchObject({ notify: ['deploys'], ackTimeoutMs: 7_000, onLaggard: 'hold', analysis: [] });
    expect(undo.spec.bakeMs).toBeUndefined();
    expect(events).toMatchObject([{ type: 'started', by: 'someone' }]);
    expect(events[0]?.message).toBe('undo of rollout r1: all requests go from v2 back to v1 (carts are empty)');
    expect(notices).toMatchObject([{ kind: 'started', title: 'checkout: undo, all requests go back to v1' }]);
    expect(notices[0]?.fields).toEqual([
      ['Reason', 'carts are empty'],
      ['By', 'someone'],
    ]);
  });

  it('tells nobody where the rollout that it takes back is not kept any more', () => {
    const decided = decideUndo(asked({ undone: null }));
    expect(decided).toMatchObject({ kind: 'ok', value: { rollout: { plan: 'checkout', spec: { notify: [] } } } });
  });
});

/** On its way: committed, not ACKed. */
function undoing(): Stage {
  const decided = decideUndo(asked({ nowMs: 1_000 }));
  if (decided.kind === 'error') throw new Error(decided.errors[0]?.message);
  const stage = new Stage(decided.value.rollout);
  stage.backend = decided.value.backend;
  return stage;
}

describe('an undo on its way', () => {
  it('is over when every counted Envoy has it: the flip is in that commit, and there is no way forward again', () => {
    const stage = undoing();
    stage.ack('a').tick(1);
    expect([stage.rollout.phase, stage.backend.stable?.name]).toEqual(['promoting', 'v2']);
    stage.ack().tick(1);
    expect([stage.rollout.phase, stage.backend.stable?.name]).toEqual(['promoted', 'v1']);
    expect(stage.backend).toMatchObject({ rolloutId: null, previous: null });
    expect(stage.backend.retired.map((one) => one.revision.name)).toContain('v2');
    expect(stage.notices.at(-1)?.title).toBe('checkout: v2 is undone, v1 is stable again');
    expect(stage.broken).toEqual([]);
  });

  it('given an Envoy that refuses it, stays and names it: nothing sends it forward again', () => {
    const stage = undoing();
    stage.ack('a').nack('b', 'no').tick(1);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.rollout.waitingFor).toMatch(/^a way back: Envoy b refused/);
    expect(stage.events.at(-1)?.type).toBe('nack');
    stage.tick(10 * HOUR);
    expect(isTerminal(stage.rollout.phase)).toBe(false);
    stage.ack().tick(1);
    expect(stage.rollout.phase).toBe('promoted');
  });

  it('asks no judge', () => {
    const stage = undoing();
    stage.verdict = 'fail';
    stage.metricsUp = false;
    stage.ack().tick(1);
    expect(stage.rollout.phase).toBe('promoted');
  });

  it('can be aborted, and is where it was', () => {
    const stage = undoing();
    expect(stage.command({ type: 'abort', reason: 'wrong backend' })).toBe('accepted');
    stage.ack().tick(1);
    expect([stage.rollout.phase, stage.backend.stable?.name, stage.weight]).toEqual(['aborted', 'v2', 0]);
    expect(stage.backend.previous?.revision.name).toBe('v1');
    expect(stage.broken).toEqual([]);
  });
});

describe('a promotion', () => {
  const promoted = (keepWarmMs?: number): Stage => {
    const spec = planSpec({
      strategy: { name: 'any', steps: [planStep()] },
      ...(keepWarmMs === undefined ? {} : { keepWarmMs }),
    });
    const stage = new Stage({ spec }).prepared();
    stage.ack().tick().ack().tick().ack().tick();
    expect(stage.rollout.phase).toBe('promoted');
    return stage;
  };

  it.each([
    ['as long as other clusters are kept', undefined, 24 * HOUR, 24 * HOUR],
    ['for longer', 72 * HOUR, 72 * HOUR, 72 * HOUR],
    // An Envoy that was away must not lose a cluster that its routes name.
    ['for a shorter time, though it is served', HOUR, HOUR, 24 * HOUR],
  ])('keeps the old revision warm %s', (_, keepWarmMs, warmMs, servedMs) => {
    const stage = promoted(keepWarmMs);
    const { previous, retired } = stage.backend;
    expect(previous).toMatchObject({ revision: { name: 'v1' }, rolloutId: 'r1' });
    expect((previous?.warmUntilMs ?? 0) - stage.rollout.updatedAtMs).toBe(warmMs);
    expect((retired[0]?.untilMs ?? 0) - stage.rollout.updatedAtMs).toBe(servedMs);
  });
});
