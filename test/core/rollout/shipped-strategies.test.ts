import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import type { PlanSpec } from '../../../src/core/model/documents.ts';
import { shippedStrategies } from '../../../src/platform/strategy-files.ts';
import { Stage } from '../../support/stage.ts';

function parsed(strategy: string, more = ''): ReturnType<typeof parseDocuments> {
  const text = `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: checkout }
spec:
  backend: checkout
  strategy: ${strategy}
  analysis: [{ use: error-rate }]
  ${more}
`;
  return parseDocuments([{ file: 'plan.yaml', text }], shippedStrategies());
}

function planOf(strategy: string, more = ''): PlanSpec {
  const plan = parsed(strategy, more);
  const document = plan.kind === 'ok' ? plan.value[0]?.document : undefined;
  if (document?.kind !== 'Plan') throw new Error(plan.kind === 'error' ? plan.errors[0]?.message : 'no plan');
  return document.spec;
}

/** What was told of weights, in percent. */
const weights = ({ traffic, rollout }: Stage): readonly number[] =>
  traffic
    .map(({ split }) => (split.find(({ cluster }) => cluster === rollout.canary.cluster)?.weight ?? 0) / 100)
    .filter((weight, i, all) => weight !== all[i - 1]);

describe('instant', () => {
  const begun = (strategy = '{ use: instant }'): Stage => {
    const stage = new Stage({ spec: planOf(strategy), deadlineAtMs: 10_000_000 }).prepared();
    return stage.ack().tick(1);
  };

  it('sends all requests at once, and makes the canary stable after the bake', () => {
    const stage = begun();
    expect([stage.rollout.phase, weights(stage).at(-1)]).toEqual(['promoting', 100]);
    for (let i = 0; i < 59; i += 1) stage.tick(10_000);
    expect(stage.rollout.phase).toBe('promoting');
    for (let i = 0; i < 3; i += 1) stage.tick(10_000);
    expect([stage.rollout.phase, stage.backend.stable?.name]).toEqual(['promoted', 'v2']);
    expect(stage.notices.map(({ kind }) => kind)).toEqual(['baking', 'promoted']);
    expect(stage.broken).toEqual([]);
  });

  it('given a canary that fails, goes back at once to the old revision', () => {
    const stage = begun('{ use: instant, with: { bake: 1h } }');
    stage.tick(60_000);
    stage.verdict = 'fail';
    stage.tick(60_000).ack().tick(1);
    expect([stage.rollout.phase, stage.backend.stable?.name, weights(stage).at(-1)]).toEqual(['rolled_back', 'v1', 0]);
    expect(stage.broken).toEqual([]);
  });

  it('a bake of the plan itself wins', () => {
    expect(planOf('{ use: instant, with: { bake: 1h } }', 'bake: 2h').bakeMs).toBe(7_200_000);
  });

  it.each([
    [
      'a bake as long as the deadline',
      '{ use: instant }',
      'deadline: 10m',
      'spec.strategy.use',
      /before the deadline of 10m/,
    ],
    ['one that is too short', '{ use: instant, with: { bake: 1s } }', '', 'spec.strategy.with', /from 10s to 7d/],
    ['one that is no duration', '{ use: instant, with: { bake: 5 } }', '', 'spec.strategy.with.bake', /duration/],
    ['neither steps nor a bake', '{ steps: [] }', '', 'spec.strategy.steps', /at least one step, or a bake/],
  ])('%s is refused at its place', (_, strategy, more, path, message) => {
    const plan = parsed(strategy, more);
    expect(plan.kind === 'error' ? plan.errors : []).toMatchObject([{ path, place: { line: 6 } }]);
    expect(plan.kind === 'error' && plan.errors[0]?.message).toMatch(message);
  });
});

describe('manual', () => {
  const spec = planOf('{ use: manual, with: { weights: [10, 50], hold: 30s } }');

  it('leaves no step without a person, and every step with one', () => {
    const stage = new Stage({ spec, deadlineAtMs: 10_000_000 }).prepared();
    for (const step of [0, 1]) {
      stage.ack().tick();
      for (let i = 0; i < 60; i += 1) stage.tick(10_000);
      expect([stage.rollout.step, stage.rollout.waitingFor]).toEqual([step, 'the approval of a person']);
      const { attempt } = stage.rollout;
      expect(stage.command({ type: 'approve', gate: { step, attempt } })).toBe('accepted');
      stage.tick(2_000);
    }
    stage.ack().tick();
    expect([stage.rollout.phase, ...weights(stage).slice(-3)]).toEqual(['promoted', 10, 50, 100]);
    expect(stage.notices.filter(({ kind }) => kind === 'approval')).toHaveLength(2);
    expect(stage.broken).toEqual([]);
  });

  it('given a canary that fails, goes back without asking', () => {
    const stage = new Stage({ spec, deadlineAtMs: 10_000_000 }).prepared();
    stage.ack().tick();
    stage.verdict = 'fail';
    stage.tick(10_000);
    expect(stage.rollout.phase).toBe('rolling_back');
  });
});
