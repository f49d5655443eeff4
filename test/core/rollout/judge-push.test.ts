import { describe, expect, it } from 'vitest';
import type { JudgeState } from '../../../src/core/analysis/judge.ts';
import type { AnalysisSpec } from '../../../src/core/model/analysis-spec.ts';
import { judgedProxies } from '../../../src/core/rollout/judge-push.ts';
import { fleetAt, node, planSpec, planStep, push, rollout } from '../../support/rollouts.ts';

const errorRate: AnalysisSpec = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null };
const latency: AnalysisSpec = { kind: 'latency', name: 'latency', objectiveMs: 250, max: 0.1, minRequests: null };
const ids = Array.from({ length: 1_200 }, (_, i) => `envoy-${i}`);
const fleets = fleetAt(
  1,
  ids.map((id) => node(id)),
);

/** Of so many Envoys that count in a bake of ten minutes. */
function sampled(analysis: readonly AnalysisSpec[], judgement: JudgeState | null): number {
  const spec = planSpec({
    ...{ analysis, judge: { name: 'sequential' }, bakeMs: 600_000 },
    strategy: { name: 'any', steps: [planStep({ weight: 5_000 })] },
  });
  const counted = push(ids, { committedAtMs: 1_000, liveAtMs: 2_000 });
  return judgedProxies(rollout({ spec, phase: 'promoting', push: counted }), fleets, [judgement]).length;
}

const memory = (baseline: boolean | null) => ({ judgedIndex: 1, ticks: 40, bake: { ticks: 3 }, baseline });

describe('the Envoys of a large fleet that are looked at in a bake', () => {
  it.each([
    ['not known yet', null],
    ['not looked at to the end', memory(null)],
    ['enough', memory(true)],
  ])('are a few where what stable has shown is %s: it is compared with that', (_, judgement) => {
    expect(sampled([errorRate, latency], judgement)).toBe(64);
  });

  it('are as many as may be read where stable has shown too little: limits keep nothing from look to look', () => {
    expect(sampled([errorRate, latency], memory(false))).toBe(256);
    expect(sampled([errorRate], memory(false))).toBe(1_000);
  });
});
