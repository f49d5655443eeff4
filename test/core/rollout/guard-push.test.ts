import { describe, expect, it } from 'vitest';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
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

describe('the push guard while an Envoy keeps a step waiting', () => {
  const compared = (fields: Parameters<typeof planSpec>[0] = {}) =>
    planSpec({
      analysis,
      strategy: { name: 'any', steps: [planStep({ holdMs: 300_000 })] },
      judge: { name: 'sequential' },
      ...fields,
    });

  /** At its first step, which `a` has ACKed and `b` has not. */
  function waiting(spec = compared()): Stage {
    const stage = new Stage({ spec }).prepared();
    stage.verdict = 'inconclusive';
    return stage.ack('a').tick();
  }

  /** Scrapes of the last 40 s, one a second: requests and failures of either arm each second. */
  function scrapes(stage: Stage, canaryFails: number, proxy = 'a'): readonly CounterSeries[] {
    const { canary, stable } = stage.rollout;
    const seconds = Array.from({ length: 40 }, (_, i) => stage.nowMs - (39 - i) * 1_000);
    const of = (cluster: string, label: string, each: number): CounterSeries => {
      return {
        proxy,
        cluster,
        family: 'upstream_rq_xx',
        label,
        points: seconds.map((ms, i) => [ms, i * each] as const),
      };
    };
    return [
      ...[of(canary.cluster, '2', 50 - canaryFails), of(canary.cluster, '5', canaryFails)],
      ...[of(stable?.cluster ?? '', '2', 949), of(stable?.cluster ?? '', '5', 1)],
    ];
  }

  function passing(stage: Stage, seconds: number, canaryFails: number, proxy = 'a'): Stage {
    for (let i = 0; i < seconds && stage.rollout.phase === 'stepping'; i += 1) {
      stage.scraped = scrapes(stage, canaryFails, proxy);
      stage.tick(1_000);
    }
    return stage;
  }

  it('F20: sends a crashing canary back by the scrapes of those that have it', () => {
    const stage = passing(waiting(), 12, 50);
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause).toMatchObject({ kind: 'analysis', verdict: { metric: 'push-guard', value: 1 } });
    expect(stage.rollout.cause?.summary).toContain('(scrapes of the Envoys that have the step)');
    expect(stage.broken).toEqual([]);
  });

  it('never lets it go on for what they show, however long and however good', () => {
    const stage = passing(waiting(), 120, 0);
    expect([stage.rollout.phase, stage.rollout.step, stage.rollout.push?.liveAtMs]).toEqual(['stepping', 0, null]);
    expect(stage.broken).toEqual([]);
  });

  it('goes by no Envoy that has not ACKed, and by none that the rollout does not know', () => {
    for (const proxy of ['b', 'z']) expect(passing(waiting(), 40, 50, proxy).rollout.phase).toBe('stepping');
  });

  it('leaves a step that is live to its judge, and one that holds limits as well', () => {
    const live = waiting().ack().tick();
    expect(passing(live, 40, 50).rollout.phase).toBe('stepping');
    const limits = waiting(compared({ judge: { name: 'threshold' } }));
    expect(passing(limits, 40, 50).rollout.phase).toBe('stepping');
  });

  it('begins anew in a step out of turn, where an Envoy keeps that waiting', () => {
    const steps = [planStep({ holdMs: 300_000 }), planStep({ weight: 2_000, holdMs: 300_000 })];
    const stage = waiting(compared({ strategy: { name: 'any', steps } }));
    stage.ack().tick(1).tick(2_000);
    const { step, attempt } = stage.rollout;
    expect(stage.command({ type: 'skip', gate: { step, attempt }, reason: 'it is late', force: true })).toBe(
      'accepted',
    );
    stage.ack('a').tick();
    expect(stage.rollout.step).toBe(1);
    expect(passing(stage, 12, 50).rollout.phase).toBe('rolling_back');
  });
});
