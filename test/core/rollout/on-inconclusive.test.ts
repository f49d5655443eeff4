import { describe, expect, it } from 'vitest';
import type { InconclusivePolicy } from '../../../src/core/model/documents.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const analysis = [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const];

/** On its only step, held for `reason` until its deadline has passed. */
function pastDeadline(onInconclusive: InconclusivePolicy | undefined, reason: 'LOW_POWER' | 'NO_DATA'): Stage {
  const strategy = { name: 'any', steps: [planStep()] };
  const spec = planSpec({ analysis, strategy, ...(onInconclusive === undefined ? {} : { onInconclusive }) });
  const stage = new Stage({ spec, deadlineAtMs: 3_600_000 }).prepared();
  stage.verdict = 'inconclusive';
  stage.openReason = reason;
  stage.ack().tick();
  for (let i = 0; i < 20; i += 1) stage.tick(60_000);
  expect(stage.rollout.phase).toBe('stepping');
  stage.tick(3_600_000);
  return stage.tick(1_000);
}

describe('a canary that looks well, on too few requests, at its deadline', () => {
  it.each([
    [undefined, 'rolling_back'],
    ['rollback', 'rolling_back'],
    ['promote', 'promoting'],
    ['hold', 'stepping'],
  ] as const)('%s: %s', (policy, phase) => {
    const stage = pastDeadline(policy, 'LOW_POWER');
    expect(stage.rollout.phase).toBe(phase);
    expect(stage.rollout.paused === null).toBe(policy !== 'hold');
  });

  it('I16: goes back without the approval of its step, whatever the plan promotes', () => {
    const strategy = { name: 'any', steps: [planStep({ approve: true })] };
    const atEnd = (isApproved: boolean): Stage => {
      const spec = planSpec({ analysis, strategy, onInconclusive: 'promote' });
      const stage = new Stage({ spec, deadlineAtMs: 600_000 }).prepared();
      stage.verdict = 'inconclusive';
      stage.openReason = 'LOW_POWER';
      stage.ack().tick();
      const gate = { step: 0, attempt: stage.rollout.attempt };
      if (isApproved) expect(stage.command({ type: 'approve', gate })).toBe('accepted');
      return stage.tick(598_000).tick(1_000).tick(1_000);
    };
    expect(atEnd(false).rollout.phase).toBe('rolling_back');
    expect(atEnd(true).rollout.phase).toBe('promoting');
  });

  it('once resumed has its whole time again, and goes on as soon as it may', () => {
    const stage = pastDeadline('hold', 'LOW_POWER');
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    expect(stage.events.at(-1)?.message).toMatch(/^resumed, with another \d+\w+ until its deadline$/);
    stage.tick(60_000);
    expect([stage.rollout.paused, stage.rollout.phase]).toEqual([null, 'stepping']);
    expect(stage.rollout.deadlineAtMs).toBeGreaterThan(stage.nowMs);
    stage.verdict = 'pass';
    expect(stage.tick(60_000).rollout.phase).toBe('promoting');
    expect(stage.broken).toEqual([]);
  });

  it('is not paused before, as it is where there is no evidence', () => {
    const spec = planSpec({ analysis, strategy: { name: 'any', steps: [planStep()] }, inconclusiveAfterMs: 60_000 });
    for (const [reason, isPaused] of [
      ['LOW_POWER', false],
      ['WARMING_UP', false],
      ['NO_DATA', true],
    ] as const) {
      const stage = new Stage({ spec, deadlineAtMs: 3_600_000 }).prepared();
      stage.verdict = 'inconclusive';
      stage.openReason = reason;
      stage.ack().tick().tick(61_000).tick(1_000);
      expect(stage.rollout.paused !== null).toBe(isPaused);
    }
  });
});

it('missing evidence never promotes', () => {
  const spec = planSpec({ analysis, strategy: { name: 'any', steps: [planStep()] }, onInconclusive: 'promote' });
  const stage = new Stage({ spec, deadlineAtMs: 100_000 }).prepared();
  stage.verdict = 'inconclusive';
  stage.openReason = 'NO_DATA';
  stage.ack().tick().tick(120_000);
  expect(stage.rollout.phase).toBe('rolling_back');
});

describe('a step until so many requests', () => {
  const waiting = (onInconclusive: InconclusivePolicy, requests: number): Stage => {
    const until = { requests, regression: null, atMostMs: 60_000 };
    const steps = [planStep({ until, holdMs: 10_000 }), planStep({ weight: 5_000 })];
    const spec = planSpec({ analysis, strategy: { name: 'any', steps }, onInconclusive });
    const stage = new Stage({ spec, deadlineAtMs: 3_600_000 }).prepared();
    stage.verdict = 'pass';
    return stage.ack().tick();
  };

  it('is left when they were there, and not before its least time', () => {
    const stage = waiting('rollback', 300).tick(5_000);
    expect([stage.rollout.step, stage.rollout.waitingFor]).toEqual([0, 'the 10s hold of step to end']);
    expect(stage.tick(6_000).rollout.step).toBe(1);
  });

  it.each([
    ['rollback', 'rolling_back', 0],
    ['hold', 'stepping', 0],
    ['promote', 'stepping', 1],
  ] as const)('after its longest time: %s', (policy, phase, step) => {
    const stage = waiting(policy, 301).tick(50_000);
    expect([stage.rollout.step, stage.rollout.waitingFor]).toEqual([0, '300 of 301 requests to the canary']);
    stage.tick(11_000);
    expect([stage.rollout.phase, stage.rollout.step]).toEqual([phase, step]);
    expect(stage.rollout.paused !== null).toBe(policy === 'hold');
  });

  it('I16: after its longest time it still waits for its approval, whatever the plan promotes', () => {
    const until = { requests: 301, regression: null, atMostMs: 60_000 };
    const steps = [planStep({ until, approve: true }), planStep({ weight: 5_000 })];
    const spec = planSpec({ analysis, strategy: { name: 'any', steps }, onInconclusive: 'promote' });
    const stage = new Stage({ spec, deadlineAtMs: 3_600_000 }).prepared().ack().tick().tick(61_000);
    expect([stage.rollout.step, stage.rollout.waitingFor]).toEqual([0, 'the approval of a person']);
    stage.command({ type: 'approve', gate: { step: 0, attempt: stage.rollout.attempt } });
    expect(stage.tick().rollout.step).toBe(1);
  });

  it('has its longest time again once a person has resumed it', () => {
    const stage = waiting('hold', 301).tick(50_000).tick(11_000);
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    expect(stage.tick(50_000).rollout.paused).toBeNull();
    expect(stage.tick(11_000).rollout.paused?.reason).toMatch(/^the longest time of the step passed/);
  });
});
