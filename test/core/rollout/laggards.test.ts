import { describe, expect, it } from 'vitest';
import type { PlanSpec } from '../../../src/core/model/documents.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const steps = [planStep({ weight: 500 }), planStep({ weight: 900 })];

/** Given a first step that Envoy b does not answer. */
function withLaggard(fields: Partial<PlanSpec>): Stage {
  const stage = new Stage({ spec: planSpec({ strategy: { name: 's', steps }, ...fields }) }, [
    'a',
    'b',
    'c',
  ]).prepared();
  return stage.ack('a', 'c').tick(1);
}

describe('an Envoy that does not answer a step', () => {
  it('F20: holds it by default; people are told once, with its name', () => {
    const stage = withLaggard({});
    stage.tick(29_000);
    expect(stage.notices.some(({ kind }) => kind === 'laggards')).toBe(false);
    stage.tick(1_000).tick(60_000).tick(60_000);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', step: 0, waitingFor: 'the ACK of b' });
    const told = stage.notices.filter(({ kind }) => kind === 'laggards');
    expect(told).toHaveLength(1);
    expect(told[0]?.fields).toContainEqual(['Envoys', 'b']);
    stage.ack('b').tick(1);
    expect(stage.rollout.step).toBe(1);
  });

  it('with `exclude` is left behind: this step and the next go on without it', () => {
    const stage = withLaggard({ onLaggard: 'exclude', ackTimeoutMs: 5_000 });
    stage.tick(5_000);
    expect(stage.rollout.push?.counted).toEqual({ edge: ['a', 'c'] });
    expect(stage.notices.at(-1)?.kind).toBe('laggards');
    stage.tick(1);
    expect(stage.rollout).toMatchObject({
      step: 1,
      excluded: { edge: ['b'] },
      push: { counted: { edge: ['a', 'c'] } },
    });
  });

  it('counts again once it has caught up', () => {
    const stage = withLaggard({ onLaggard: 'exclude', ackTimeoutMs: 5_000 });
    stage.tick(5_000).tick(1);
    stage.ack().tick(1);
    expect(stage.rollout).toMatchObject({
      phase: 'promoting',
      excluded: {},
      push: { counted: { edge: ['a', 'b', 'c'] } },
    });
  });

  it('is not left behind when it is all there is', () => {
    const stage = new Stage(
      { spec: planSpec({ strategy: { name: 's', steps }, onLaggard: 'exclude', ackTimeoutMs: 5_000 }) },
      ['a'],
    ).prepared();
    stage.tick(60_000).tick(1);
    expect(stage.rollout).toMatchObject({ step: 0, excluded: {}, waitingFor: 'the ACK of a' });
  });

  it('with `rollback` sends the rollout back, and the way back is not confirmed without it', () => {
    const stage = withLaggard({ onLaggard: 'rollback', ackTimeoutMs: 5_000 });
    stage.tick(4_000);
    expect(stage.rollout.phase).toBe('stepping');
    stage.tick(1_000);
    expect(stage.rollout).toMatchObject({ phase: 'rolling_back', cause: { kind: 'laggard', node: 'b' } });
    stage.ack('a', 'c').tick(60_000);
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.notices.at(-1)).toMatchObject({ kind: 'laggards' });
    stage.ack('b').tick(1);
    expect(stage.rollout.phase).toBe('rolled_back');
  });

  it('before the first step, `rollback` means that the rollout fails', () => {
    const spec = planSpec({ onLaggard: 'rollback', ackTimeoutMs: 5_000 });
    const stage = new Stage({ spec }).tried().ack('a').tick(5_000);
    expect(stage.rollout).toMatchObject({ phase: 'failed', cause: { kind: 'laggard', node: 'b' } });
  });
});

describe('the rollback clock', () => {
  it('keeps for every Envoy how long it took to be back', () => {
    const stage = new Stage({ spec: planSpec() }).prepared();
    stage.nowMs += 1;
    stage.command({ type: 'abort', reason: 'enough' });
    const atMs = stage.nowMs;
    stage.nowMs = atMs + 10;
    stage.ack('a').tick(1);
    stage.nowMs = atMs + 30;
    stage.ack('b').tick(1);
    expect(stage.rollout.phase).toBe('aborted');
    expect(stage.confirmedAfterMs).toEqual([10, 30]);
    const back = stage.events.find(({ type }) => type === 'back');
    expect(back?.data.confirm).toEqual({ nodes: 2, p50Ms: 10, p99Ms: 30, maxMs: 30 });
  });
});

describe('an Envoy that reconnects in a step that has been live for long', () => {
  const longAgo = (onLaggard: PlanSpec['onLaggard']): Stage => {
    const long = [planStep({ weight: 500, holdMs: 3_600_000 })];
    const spec = planSpec({ strategy: { name: 's', steps: long }, onLaggard, ackTimeoutMs: 5_000 });
    const stage = new Stage({ spec }, ['a', 'b', 'c']).prepared();
    return stage.ack().tick(1).tick(60_000);
  };

  it.each(['rollback', 'exclude'] as const)('has its time to answer again before it is a laggard (%s)', (onLaggard) => {
    const stage = longAgo(onLaggard).disconnect('b').tick(1_000);
    stage.connect('b').forget('b').tick(1).tick(4_000);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', excluded: {} });
    expect(stage.notices.some(({ kind }) => kind === 'laggards')).toBe(false);
    stage.ack('b').tick(1_000);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', push: { counted: { edge: ['a', 'b', 'c'] } } });
  });

  it('is a laggard when it does not answer in that time either', () => {
    const stage = longAgo('rollback').disconnect('b').tick(1_000).connect('b').forget('b');
    expect(stage.tick(5_000).rollout).toMatchObject({ phase: 'rolling_back', cause: { kind: 'laggard', node: 'b' } });
  });
});
