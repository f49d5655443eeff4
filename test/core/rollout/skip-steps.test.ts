import { describe, expect, it } from 'vitest';
import type { PlanSpec, StepSpec } from '../../../src/core/model/documents.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const analysis = [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const];

/** A canary in the first of three steps, shown to be no worse than stable; its hold of a minute is over, or not. */
function shown(last: Partial<StepSpec> = {}, plan: Partial<PlanSpec> = {}, heldMs = 61_000): Stage {
  const steps = [
    planStep({ weight: 500, holdMs: 60_000 }),
    planStep({ weight: 2_500, holdMs: 60_000 }),
    planStep({ weight: 5_000, holdMs: 60_000, ...last }),
  ];
  const spec = planSpec({ analysis, bakeMs: 600_000, strategy: { name: 'any', steps }, ...plan });
  const stage = new Stage({ spec }).prepared();
  stage.skips = true;
  stage.ack().tick();
  for (let ms = 0; ms < heldMs; ms += 15_000) stage.tick(15_000);
  expect(stage.broken).toEqual([]);
  return stage;
}

describe('a canary that is shown to be no worse than stable', () => {
  it('skips the remaining steps when the hold of its own is over, and is watched in the bake', () => {
    const stage = shown();
    expect([stage.rollout.phase, stage.rollout.step]).toEqual(['promoting', 0]);
    expect(stage.events.map(({ message }) => message)).toContain(
      'the canary is shown to be no worse than stable, so the remaining steps are skipped; all traffic goes to the canary',
    );
    stage.ack().tick();
    expect(stage.tick(300_000).rollout.phase).toBe('promoting');
    stage.verdict = 'fail';
    stage.tick(15_000);
    expect(stage.rollout.phase).toBe('rolling_back');
  });

  it('stays for the hold of the step that it is in', () => {
    const stage = shown({}, {}, 30_000);
    expect([stage.rollout.phase, stage.rollout.step]).toEqual(['stepping', 0]);
  });

  it.each<[string, Partial<StepSpec>]>([
    ['a person', { approve: true }],
    [
      'a hook',
      { webhook: { target: 'checks', everyMs: 5_000, timeoutMs: 1_000, withinMs: 60_000, otherwise: 'hold' } },
    ],
    ['evidence of its own', { until: { requests: 10_000, regression: null, atMostMs: null } }],
    ['analyses of its own', { analysis: analysis.map((one) => ({ ...one, name: 'own' })) }],
    ['users that stay with an arm', { sticky: { by: 'cookie' } }],
  ])('takes the next step where a remaining one asks for %s', (_, asked) => {
    expect(shown(asked).rollout).toMatchObject({ phase: 'stepping', step: 1 });
  });

  it('takes the next step where no bake would see what comes late', () => {
    expect(shown({}, { bakeMs: 0 }).rollout).toMatchObject({ phase: 'stepping', step: 1 });
  });

  it('skips nothing on evidence that is missing at that very look', () => {
    const steps = [planStep({ weight: 500, holdMs: 60_000 }), planStep({ weight: 5_000, holdMs: 60_000 })];
    const stage = new Stage({ spec: planSpec({ analysis, bakeMs: 600_000, strategy: { name: 'any', steps } }) });
    stage.prepared();
    stage.skips = true;
    stage.metricsUp = false;
    stage.ack().tick();
    for (let i = 0; i < 10; i += 1) stage.tick(15_000);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', step: 0 });
  });
});
