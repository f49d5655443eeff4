import { describe, expect, it } from 'vitest';
import { planSpec, planStep } from '../../../support/rollouts.ts';
import { Stage } from '../../../support/stage.ts';

const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;
const spec = planSpec({
  strategy: { name: 'any', steps: [planStep({ weight: 500 }), planStep({ weight: 5_000 })] },
  analysis: [errorRate],
});

function live(): Stage {
  const stage = new Stage({ spec });
  stage.prepared().ack().tick(1);
  expect([stage.rollout.phase, stage.rollout.step]).toEqual(['stepping', 0]);
  return stage;
}

describe('promoting', () => {
  it('given one Envoy that lags for an hour, a canary that fails at 100 % on the others is sent back', () => {
    const stage = live();
    stage.command({ type: 'promote' });
    stage.ack('a');
    stage.verdict = 'fail';
    for (let i = 0; i < 60; i += 1) stage.tick(60_000);
    expect(stage.rollout.phase).toBe('rolling_back');
  });

  it('given a counted Envoy that is away for a second, a promotion by hand still waits for it', () => {
    const stage = live();
    stage.disconnect('b').tick(1);
    stage.command({ type: 'promote' });
    stage.ack('a').tick(1);
    expect(stage.rollout.phase).toBe('promoting');
  });

  it('a refusal at 100 % sends it back', () => {
    const stage = live();
    stage.command({ type: 'promote' });
    stage.nack('a', 'no').tick(1);
    expect(stage.rollout.phase).toBe('rolling_back');
  });
});
