import { describe, expect, it } from 'vitest';
import { BREAKER_CLOSED, moveBreaker } from '../../../src/core/rollout/breaker.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

describe('the breaker', () => {
  const open = { openSinceMs: 5, closedAtMs: null };
  it.each([
    ['three of three', 3, 3, true],
    ['three of fourteen', 14, 3, true],
    ['two of two: they may have an owner in common', 2, 2, false],
    ['three of fifteen, which is a fifth', 15, 3, false],
    ['twenty of a hundred', 100, 20, false],
    ['twenty-one of a hundred', 100, 21, true],
    ['nobody', 0, 0, false],
  ])('%s', (_who, judged, blind, many) => {
    expect(moveBreaker(BREAKER_CLOSED, { judged, blind }, 9)).toEqual(
      many ? { openSinceMs: 9, closedAtMs: null } : null,
    );
    expect(moveBreaker(open, { judged, blind }, 9)).toEqual(many ? null : { openSinceMs: null, closedAtMs: 9 });
  });
});

const analysis = [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const];
const spec = planSpec({
  analysis,
  inconclusiveAfterMs: 60_000,
  strategy: { name: 'any', steps: [planStep({ holdMs: 30_000 }), planStep({ weight: 5_000 })] },
});

describe('a judged step', () => {
  function held(): Stage {
    const stage = new Stage({ spec }).prepared();
    stage.verdict = 'pass';
    stage.ack().tick();
    stage.breaker = { openSinceMs: stage.nowMs, closedAtMs: null };
    return stage;
  }

  it('holds while the breaker is open, though its own evidence is good', () => {
    const stage = held().tick(60_000).tick(60_000);
    expect(stage.rollout.step).toBe(0);
    expect(stage.rollout.waitingFor).toContain('many rollouts lost at once');
  });

  it('runs its hold again once the breaker is closed', () => {
    const stage = held().tick(60_000);
    stage.breaker = { openSinceMs: null, closedAtMs: stage.nowMs };
    stage.tick(29_000);
    expect(stage.rollout.step).toBe(0);
    stage.tick(2_000);
    expect(stage.rollout.step).toBe(1);
  });

  it('still goes back when it is seen to fail', () => {
    const stage = held();
    stage.verdict = 'fail';
    stage.tick(10_000);
    expect(stage.rollout.phase).toBe('rolling_back');
  });

  it('is neither failed nor paused for what it does not see', () => {
    const stage = held();
    stage.metricsUp = false;
    stage.verdict = 'fail';
    stage.tick(90_000).tick(90_000);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', paused: null, evidence: { blind: true } });
    stage.verdict = 'inconclusive';
    stage.tick(90_000);
    stage.breaker = { openSinceMs: null, closedAtMs: stage.nowMs };
    stage.tick(59_000);
    expect(stage.rollout.paused).toBeNull();
    stage.tick(2_000);
    expect(stage.rollout.paused).not.toBeNull();
  });
});
