import { describe, expect, it } from 'vitest';
import type { PlanSpec } from '../../../src/core/model/documents.ts';
import { bakeOf } from '../../../src/core/rollout/bake.ts';
import { planSpec, planStep, push, rollout } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;
const BAKE_MS = 600_000;
const steps = [planStep({ weight: 5_000 })];

/** All counted Envoys have 100 %, and the bake has begun. */
function baking(fields: Partial<PlanSpec> = {}): Stage {
  const spec = planSpec({ strategy: { name: 'any', steps }, analysis: [errorRate], bakeMs: BAKE_MS, ...fields });
  const stage = new Stage({ spec, deadlineAtMs: 10_000_000 });
  stage.prepared().ack().tick().tick().ack().tick(1);
  expect([stage.rollout.phase, stage.rollout.push?.liveAtMs != null]).toEqual(['promoting', true]);
  return stage;
}

function run(stage: Stage, ms: number): Stage {
  for (let i = 0; i < ms / 10_000; i += 1) stage.tick(10_000);
  return stage;
}

describe('a plan with a bake', () => {
  it('given a canary that fails in it, goes back in one commit, and names metric, numbers and requests hurt', () => {
    const stage = run(baking(), 300_000);
    const attempt = stage.rollout.attempt;
    stage.verdict = 'fail';
    stage.tick(10_000);
    expect([stage.rollout.phase, stage.weight, stage.rollout.attempt]).toEqual(['rolling_back', 0, attempt + 1]);
    expect(stage.rollout.cause).toMatchObject({ kind: 'analysis', summary: 'error-rate: scripted fail' });
    const fields = Object.fromEntries(stage.notices.at(-1)?.fields ?? []);
    expect(fields).toMatchObject({ Metric: 'error-rate', 'Requests hurt': '150', Step: 'bake, all requests' });
    stage.ack().tick(1);
    expect([stage.rollout.phase, stage.backend.stable?.name]).toEqual(['rolled_back', 'v1']);
    expect(stage.broken).toEqual([]);
  });

  it('keeps the old revision in the routes, and so warm, until it is over', () => {
    const stage = run(baking(), 300_000);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.traffic.at(-1)?.split).toEqual([
      { cluster: stage.rollout.stable?.cluster, weight: 0 },
      { cluster: stage.rollout.canary.cluster, weight: 10_000 },
    ]);
  });

  it('is told when it begins, and is over after its time with fresh evidence', () => {
    const stage = baking();
    expect(stage.notices.at(-1)).toMatchObject({
      kind: 'baking',
      tone: 'info',
      title: 'checkout: v2 has all requests and bakes',
    });
    expect(stage.events.at(-1)?.message).toBe('v2 has all requests and bakes for 10m; v1 stays warm');
    run(stage, BAKE_MS - 30_000);
    expect([stage.rollout.phase, stage.rollout.waitingFor]).toEqual(['promoting', 'the 10m bake to end']);
    run(stage, 60_000);
    expect([stage.rollout.phase, stage.backend.stable?.name]).toEqual(['promoted', 'v2']);
    expect(stage.notices.filter(({ kind }) => kind === 'baking')).toHaveLength(1);
    expect(stage.notices.at(-1)?.fields).toContainEqual(['Baked', '10m']);
    expect(stage.broken).toEqual([]);
  });

  it('counts anew when all Envoys are replaced, and tells nobody a second time', () => {
    const stage = run(baking(), 300_000);
    stage.disconnect('a', 'b').connect('c', 'd');
    run(stage, 60_000);
    expect(stage.rollout.push).toMatchObject({ counted: { edge: ['c', 'd'] }, liveAtMs: null });
    stage.ack('c', 'd');
    run(stage, BAKE_MS - 60_000);
    expect([stage.rollout.phase, stage.rollout.waitingFor]).toEqual(['promoting', 'the 10m bake to end']);
    expect(run(stage, 120_000).rollout.phase).toBe('promoted');
    expect(stage.notices.filter(({ kind }) => kind === 'baking')).toHaveLength(1);
    expect(stage.events.filter(({ message }) => message.includes('bakes for'))).toHaveLength(1);
    expect(stage.broken).toEqual([]);
  });

  it('is told when Envoys are replaced before they had it, once the others have', () => {
    const spec = planSpec({ strategy: { name: 'any', steps }, bakeMs: BAKE_MS });
    const stage = new Stage({ spec, deadlineAtMs: 10_000_000 });
    stage.prepared().ack().tick().tick().disconnect('a', 'b').connect('c', 'd');
    run(stage, 60_000);
    expect(stage.notices.some(({ kind }) => kind === 'baking')).toBe(false);
    stage.ack('c', 'd').tick(1);
    expect(stage.notices.filter(({ kind }) => kind === 'baking')).toHaveLength(1);
  });

  it('given no evidence, holds beyond its time, pauses with an alert, and fails by that alone never', () => {
    const stage = baking({ inconclusiveAfterMs: 300_000 });
    stage.metricsUp = false;
    run(stage, 290_000);
    expect([stage.rollout.phase, stage.rollout.paused]).toEqual(['promoting', null]);
    run(stage, BAKE_MS);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.rollout.paused?.reason).toMatch(/^no evidence for too long/);
    stage.metricsUp = true;
    run(stage, 60_000);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    run(stage, 20_000);
    expect(stage.rollout.phase).toBe('promoted');
  });

  it.each([
    [undefined, 'rolling_back'],
    ['rollback', 'rolling_back'],
    ['hold', 'promoting'],
    ['promote', 'promoted'],
  ] as const)('at the deadline, on too few requests: %s: %s', (onInconclusive, phase) => {
    const stage = baking(onInconclusive === undefined ? {} : { onInconclusive });
    stage.verdict = 'inconclusive';
    stage.openReason = 'TOO_FEW_REQUESTS';
    run(stage, 20_000);
    stage.nowMs = 10_000_000;
    stage.tick(1_000).tick(1_000);
    expect(stage.rollout.phase).toBe(phase);
  });

  it('at the deadline without any evidence goes back, even where the plan promotes what it is unsure of', () => {
    const stage = baking({ onInconclusive: 'promote' });
    stage.metricsUp = false;
    run(stage, 20_000);
    stage.nowMs = 10_000_000;
    expect(stage.tick(1_000).rollout.phase).toBe('rolling_back');
  });

  it('does not begin while an Envoy lags, and the deadline does not send it back before', () => {
    const spec = planSpec({ strategy: { name: 'any', steps }, bakeMs: BAKE_MS });
    const stage = new Stage({ spec, deadlineAtMs: 3_000_000 });
    stage.prepared().ack().tick().tick().ack('a').tick(1);
    run(stage, BAKE_MS + 60_000);
    stage.nowMs = 3_100_000;
    expect(stage.tick().rollout.phase).toBe('promoting');
    expect(stage.notices.some(({ kind }) => kind === 'baking')).toBe(false);
  });

  it('can be paused, ended and aborted by a person', () => {
    const paused = baking();
    expect(paused.command({ type: 'pause', reason: 'wait' })).toBe('accepted');
    expect(run(paused, 2 * BAKE_MS).rollout.phase).toBe('promoting');
    const ended = baking();
    expect(ended.command({ type: 'promote' })).toBe('accepted');
    expect([ended.rollout.phase, ended.backend.stable?.name]).toEqual(['promoted', 'v2']);
    const aborted = baking();
    expect(aborted.command({ type: 'abort', reason: 'no' })).toBe('accepted');
    expect([aborted.rollout.phase, aborted.weight]).toEqual(['aborting', 0]);
    expect([...paused.broken, ...ended.broken, ...aborted.broken]).toEqual([]);
  });

  it('without a clock that can be trusted does not end', () => {
    const stage = baking();
    stage.clockTrusted = false;
    expect(run(stage, 2 * BAKE_MS).rollout.phase).toBe('promoting');
  });

  it('without analyses is time alone; a first deployment has none', () => {
    const stage = run(baking({ analysis: [] }), BAKE_MS - 30_000);
    expect(stage.rollout.phase).toBe('promoting');
    expect(run(stage, 60_000).rollout.phase).toBe('promoted');
    const first = new Stage({ spec: planSpec({ bakeMs: BAKE_MS }), stable: null });
    for (let i = 0; i < 20; i += 1) first.ack().tick(1);
    expect(first.rollout.phase).toBe('promoted');
  });
});

describe('bakeOf', () => {
  const at = (weight: number, committedAtMs: number) => ({
    ...{ step: 0, name: 'x', weight, committedAtMs, liveAtMs: committedAtMs, leftAtMs: null },
  });
  const live = (history: ReturnType<typeof at>[], liveAtMs: number) =>
    rollout({
      phase: 'promoting',
      spec: planSpec({ bakeMs: BAKE_MS }),
      history,
      push: push(['a'], { committedAtMs: liveAtMs - 1_000, liveAtMs }),
    });

  it('compares with stable until it lost its last share', () => {
    expect(bakeOf(live([at(500, 1_000)], 60_000), 7)).toEqual({
      stableUntilMs: 59_007,
      liveAtMs: 60_007,
      forMs: BAKE_MS,
    });
    expect(bakeOf(live([at(500, 1_000), at(10_000, 20_000)], 60_000))).toMatchObject({ stableUntilMs: 20_000 });
  });

  it('of steps at 100 % goes by those that lead to it: behind an earlier one stable had requests again', () => {
    const history = [at(500, 1_000), at(10_000, 20_000), at(500, 30_000), at(10_000, 40_000), at(10_000, 45_000)];
    expect(bakeOf(live(history, 60_000))).toMatchObject({ stableUntilMs: 40_000 });
    expect(bakeOf(live(history.slice(0, 3), 60_000))).toMatchObject({ stableUntilMs: 59_000 });
  });

  it('compares with nothing where that was more than an hour ago', () => {
    expect(bakeOf(live([at(10_000, 20_000)], 3_700_000))).toBeNull();
  });
});
