import { describe, expect, it } from 'vitest';
import type { ScalarResult } from '../../../src/core/analysis/judge.ts';
import type { ReadoutMetric } from '../../../src/core/model/readout.ts';
import { nextMeasurementMs, observationNeeds } from '../../../src/core/rollout/needs.ts';
import { readoutsOf } from '../../../src/core/rollout/take-readouts.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const BUYS: ReadoutMetric = { kind: 'share', name: 'buys', wanted: 'higher', users: 'u', successes: 's' };
const sticky = { by: 'cookie' } as const;

/** At the one step of an A/B test of so many users, live on every Envoy. */
function testing(more: Parameters<typeof planStep>[0] = {}): Stage {
  const steps = [planStep({ weight: 5_000, sticky, holdMs: 10_000, ...more })];
  const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps }, readout: [BUYS] }) });
  // One Envoy tries out what tells users apart, then all have it.
  return stage.prepared().ack().tick(1).ack().tick(1);
}

function totals(stage: Stage, stable: readonly [number, number], canary: readonly [number, number]): Stage {
  const of = (arm: string, [users, successes]: readonly [number, number]): [string, ScalarResult][] => [
    [`buys/${arm}/users`, { kind: 'ok', value: users, atMs: stage.nowMs }],
    [`buys/${arm}/successes`, { kind: 'ok', value: successes, atMs: stage.nowMs }],
  ];
  stage.queries = new Map([...of('stable', stable), ...of('canary', canary)]);
  return stage.tick();
}

describe('a test', () => {
  it('asks nothing before its step is on every Envoy, and then once per scrape, also without an analysis', () => {
    const { rollout, nowMs } = testing();
    const open = { ...rollout, push: rollout.push === null ? null : { ...rollout.push, liveAtMs: null } };
    expect(observationNeeds(open, 1_000, nowMs + 5_000).readout).toEqual([]);
    expect(observationNeeds(rollout, 1_000, nowMs + 5_000)).toMatchObject({ counters: null, readout: [BUYS] });
    expect(nextMeasurementMs(rollout, 1_000, nowMs)).toBeLessThanOrEqual(nowMs + 1_000);
  });

  it('is of users who stay: a step where every request is drawn by itself asks nothing', () => {
    const { rollout, nowMs } = testing();
    const strategy = { name: 'any', steps: [planStep({ weight: 5_000 })] };
    expect(observationNeeds({ ...rollout, spec: { ...rollout.spec, strategy } }, 1_000, nowMs + 5_000).readout).toEqual(
      [],
    );
  });

  it('tells people when a metric comes to a conclusion, and not at every look', () => {
    const stage = totals(testing(), [0, 0], [0, 0]);
    totals(stage, [3_000, 300], [3_000, 420]);
    totals(stage, [4_000, 400], [4_000, 560]);
    const told = stage.events.filter(({ type }) => type === 'readout').map(({ message }) => message);
    expect(told).toEqual(['buys: the canary is the winner (0.14 of 3000 users against 0.1 of 3000)']);
    expect(readoutsOf(stage.rollout)).toMatchObject([{ standing: 'winner', canary: { users: 4_000 } }]);
  });

  it('does not promote a loser by itself; a person may', () => {
    const stage = totals(testing(), [0, 0], [0, 0]);
    totals(stage, [3_000, 420], [3_000, 300]).tick(20_000);
    expect(stage.rollout.phase).toBe('stepping');
    expect(stage.rollout.waitingFor).toBe('a person: by buys the canary loses against stable');
    expect(stage.command({ type: 'promote' })).toBe('accepted');
  });

  it('does not promote a loser at the deadline either, whatever the plan promotes', () => {
    const analysis = [{ kind: 'error-rate', name: 'errors', max: 0.01, minRequests: 200 } as const];
    const steps = [planStep({ weight: 5_000, sticky })];
    const more = { readout: [BUYS], analysis, onInconclusive: 'promote' } as const;
    const atEnd = (canary: readonly [number, number]): Stage => {
      const spec = planSpec({ strategy: { name: 'any', steps }, ...more });
      const stage = new Stage({ spec, deadlineAtMs: 30_000 }).prepared();
      stage.verdict = 'inconclusive';
      stage.openReason = 'LOW_POWER';
      totals(stage.ack().tick(1).ack().tick(1), [0, 0], [0, 0]);
      totals(stage, [3_000, 420], canary).tick(25_000).tick();
      return stage.tick(10_000);
    };
    expect(atEnd([3_000, 300]).rollout.phase).toBe('rolling_back');
    expect(atEnd([3_000, 420]).rollout.phase).toBe('promoting');
  });

  it.each([
    ['users that are not split as they were to be', [3_000, 420], [2_000, 300], 'SHARES_DIFFER'],
    ['more successes than users', [3_000, 3_001], [3_000, 300], 'BAD_COUNTS'],
  ] as const)('does not promote by itself what it cannot compare: %s', (_what, stable, canary, reason) => {
    const stage = totals(testing(), [0, 0], [0, 0]);
    totals(stage, stable, canary).tick(20_000);
    expect([stage.rollout.phase, stage.rollout.waitingFor]).toEqual([
      'stepping',
      `a person: by buys the arms cannot be compared (${reason})`,
    ]);
  });

  it('goes on when nothing is decided', () => {
    const stage = totals(testing(), [0, 0], [0, 0]);
    totals(stage, [300, 30], [300, 31]).tick(20_000);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.broken).toEqual([]);
  });
});
