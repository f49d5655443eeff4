import { describe, expect, it } from 'vitest';
import type { LoadReport } from '../../../src/core/analysis/push-guard.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const analysis = [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const];
const steps = { name: 'any', steps: [planStep({ holdMs: 300_000 })] };

function onFirstStep(spec = planSpec({ analysis, strategy: steps })): Stage {
  const stage = new Stage({ spec }).prepared();
  stage.verdict = 'inconclusive';
  return stage.ack().tick();
}

function reports(stage: Stage): readonly LoadReport[] {
  const { canary, stable } = stage.rollout;
  return [1, 2].flatMap((second) => [
    { nodeId: 'a', cluster: canary.cluster, atMs: second * 1_000, requests: 30, failed: 30 },
    { nodeId: 'a', cluster: stable?.cluster ?? '', atMs: second * 1_000, requests: 570, failed: 1 },
  ]);
}

describe('the push guard', () => {
  it('sends a crashing canary back before Prometheus has seen it, and names both', () => {
    const stage = onFirstStep();
    stage.loadReports = reports(stage);
    stage.tick(100);
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause).toMatchObject({
      kind: 'analysis',
      verdict: { metric: 'push-guard', verdict: 'fail', value: 1, requests: 60, baselineRequests: 1_140 },
    });
    const summary = stage.rollout.cause?.summary ?? '';
    expect(summary).toContain(
      '60 of 60 requests to v2 failed within 2 s, 2 of 1140 to v1 (load reports of the Envoys)',
    );
    expect(summary).toContain('Prometheus: error-rate inconclusive, NO_DATA');
  });

  it('does so while Prometheus is gone', () => {
    const stage = onFirstStep();
    stage.metricsUp = false;
    stage.loadReports = reports(stage);
    expect(stage.tick(100).rollout.phase).toBe('rolling_back');
  });

  it('guards no rollout that is not judged', () => {
    const stage = onFirstStep(planSpec({ strategy: steps }));
    stage.loadReports = reports(stage);
    expect(stage.tick(100).rollout.phase).toBe('stepping');
  });

  it('does not send back what nobody reports', () => {
    expect(onFirstStep().tick(100).rollout.phase).toBe('stepping');
  });
});
