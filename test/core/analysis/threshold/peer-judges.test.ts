import { describe, expect, it } from 'vitest';
import {
  baselineOf,
  type JudgeInput,
  type JudgeOutcome,
  type ScalarResult,
} from '../../../../src/core/analysis/judge.ts';
import { judgeByPlan } from '../../../../src/core/analysis/judge-by-plan.ts';
import { ARGO_LIMITS } from '../../../../src/core/analysis/threshold/argo.ts';
import type { AnalysisSpec, JudgeSpec } from '../../../../src/core/model/analysis-spec.ts';
import { judgeInput, LIVE_AT, series } from '../series.ts';

const flagger: JudgeSpec = { name: 'flagger', threshold: 2, intervalMs: 60_000 };
const { hasInterval: _, ...limits } = ARGO_LIMITS;
const argo = { name: 'argo', intervalMs: 60_000, dryRun: [], ...limits } as const satisfies JudgeSpec;
const errors: AnalysisSpec = { kind: 'error-rate', name: 'errors', max: 0.1, minRequests: null, windowMs: 60_000 };

/** Ten requests a second to both arms, from the step on; the canary's are bad from `badFrom` to `badTo` (seconds). */
function counters(seconds: number, badFrom = Infinity, badTo = Infinity): JudgeInput['counters'] {
  const points = (grow: (s: number) => number) => {
    let total = 0;
    return Array.from({ length: seconds + 1 }, (_, s): [number, number] => {
      total += s === 0 ? 0 : grow(s);
      return [s, total];
    });
  };
  const bad = (s: number) => s > badFrom && s <= badTo;
  const arm = (cluster: string, isBad: (s: number) => boolean) => [
    series(
      'upstream_rq_completed',
      '',
      points(() => 10),
      { cluster },
    ),
    series(
      'upstream_rq_xx',
      '2',
      points((s) => (isBad(s) ? 0 : 10)),
      { cluster },
    ),
    series(
      'upstream_rq_xx',
      '5',
      points((s) => (isBad(s) ? 10 : 0)),
      { cluster },
    ),
  ];
  return { kind: 'ok', series: [...arm('canary', bad), ...arm('stable', () => false)] };
}

interface Look extends Partial<Omit<JudgeInput, 'state'>> {
  /** Seconds since the step went live. */
  readonly at: number;
}

/** Looks at these moments; the state goes through JSON in between. */
function look(judge: JudgeSpec, looks: readonly Look[]): JudgeOutcome[] {
  let state: JudgeInput['state'] = null;
  return looks.map(({ at, ...fields }) => {
    const input = judgeInput([], { judge, analysis: [errors], counters: counters(at), ...fields });
    const outcome = judgeByPlan.assess({ ...input, nowMs: LIVE_AT + at * 1_000, state });
    state = JSON.parse(JSON.stringify(outcome.state)) as JudgeInput['state'];
    return outcome;
  });
}
const decisions = (outcomes: readonly JudgeOutcome[]) => outcomes.map(({ decision }) => decision);
const down = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'connection refused' } as const;

describe("Flagger's judge", () => {
  it('looks once per interval, first one interval after the step is live', () => {
    const outcomes = look(flagger, [{ at: 15 }, { at: 59 }, { at: 60 }, { at: 75 }, { at: 119 }, { at: 120 }]);
    expect(decisions(outcomes)).toEqual(['hold', 'hold', 'advance', 'hold', 'hold', 'advance']);
    expect(outcomes[0]?.verdicts).toMatchObject([{ metric: 'errors', verdict: 'pass', reason: 'OK' }]);
  });

  it('rolls back at the look after the threshold, with what was counted as the cause', () => {
    const outcomes = look(
      flagger,
      [60, 120, 180].map((at) => ({ at, counters: counters(at, 0, 120) })),
    );
    expect(decisions(outcomes)).toEqual(['hold', 'hold', 'rollback']);
    expect(outcomes[1]?.verdicts).toMatchObject([
      { metric: 'errors', verdict: 'fail', reason: 'OVER_LIMIT', value: 1, baseline: 0, requests: 600 },
    ]);
    expect(outcomes[2]?.verdicts).toMatchObject([
      { metric: 'flagger', verdict: 'fail', reason: 'LIMIT_REACHED' },
      { metric: 'errors', verdict: 'pass' },
    ]);
    expect(outcomes[2]?.verdicts[0]?.detail).toContain('2 of 2 failed checks');
  });

  it('takes a Prometheus that is away for a failed check', () => {
    const outcomes = look(
      flagger,
      [60, 120, 180].map((at) => ({ at, counters: down })),
    );
    expect(decisions(outcomes)).toEqual(['hold', 'hold', 'rollback']);
    expect(outcomes[0]?.verdicts).toMatchObject([{ verdict: 'fail', reason: 'SOURCE_DOWN' }]);
  });

  it('goes on counting in the next step, whose first look is an interval away', () => {
    const liveAtMs = LIVE_AT + 130_000;
    const outcomes = look(flagger, [
      { at: 60, counters: down },
      { at: 120 },
      { at: 150, liveAtMs },
      { at: 189, liveAtMs },
      { at: 190, liveAtMs, counters: counters(190, 130) },
      { at: 250, liveAtMs },
    ]);
    expect(decisions(outcomes)).toEqual(['hold', 'advance', 'hold', 'hold', 'hold', 'rollback']);
  });

  it('counts neither way where the plan wants more requests', () => {
    const analysis = [{ ...errors, minRequests: 601 }];
    const outcomes = look(
      flagger,
      [60, 120, 180].map((at) => ({ at, analysis, counters: counters(at, 0) })),
    );
    expect(decisions(outcomes)).toEqual(['hold', 'hold', 'hold']);
    expect(outcomes[2]?.verdicts).toMatchObject([{ verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS' }]);
  });

  it('does not go on with too few of the counted Envoys', () => {
    const outcomes = look(
      flagger,
      [60, 120, 180, 240].map((at) => ({ at, proxies: ['p1', 'p2'] })),
    );
    expect(decisions(outcomes)).toEqual(['hold', 'hold', 'hold', 'hold']);
    expect(outcomes[0]?.verdicts).toMatchObject([{ verdict: 'inconclusive', reason: 'COVERAGE' }]);
  });

  it('checks custom queries, also against stable', () => {
    const spec: AnalysisSpec = {
      ...{ kind: 'query', name: 'queue', query: 'q', windowMs: 60_000, min: 1, max: null },
      relative: { factor: 2, offset: 1 },
    };
    const answer = (value: number): ScalarResult => ({ kind: 'ok', value, atMs: LIVE_AT });
    const ask = (own: ScalarResult, base: ScalarResult) =>
      look(flagger, [
        {
          at: 60,
          analysis: [spec],
          queries: new Map([
            ['queue', own],
            [baselineOf('queue'), base],
          ]),
        },
      ])[0]?.verdicts[0];
    expect(ask(answer(5), answer(2))).toMatchObject({ verdict: 'pass', value: 5, baseline: 2 });
    expect(ask(answer(5.1), answer(2))).toMatchObject({ verdict: 'fail', reason: 'OVER_LIMIT' });
    expect(ask(answer(0), answer(2))).toMatchObject({ verdict: 'fail', reason: 'UNDER_LIMIT' });
    expect(ask(answer(5), down)).toMatchObject({ verdict: 'fail', reason: 'NO_DATA', detail: 'connection refused' });
    expect(ask(answer(Number.NaN), answer(2))).toMatchObject({ verdict: 'fail', value: null });
  });
});

describe("Argo's judge", () => {
  it('fails a metric with one failure more than its limit', () => {
    const looks = [60, 120].map((at) => ({ at, counters: counters(at, 0) }));
    expect(decisions(look({ ...argo, failureLimit: 1 }, looks))).toEqual(['advance', 'rollback']);
    const [outcome] = look(argo, looks);
    expect(outcome?.verdicts[0]).toMatchObject({ metric: 'argo', reason: 'LIMIT_REACHED', detail: 'errors is Failed' });
  });

  it('rolls back after errors in a row, and holds what is inconclusive', () => {
    const away = [60, 120].map((at) => ({ at, counters: down }));
    expect(decisions(look({ ...argo, consecutiveErrorLimit: 1 }, away))).toEqual(['advance', 'rollback']);
    const thin = [60, 120].map((at) => ({ at, analysis: [{ ...errors, minRequests: 601 }] }));
    expect(decisions(look(argo, thin))).toEqual(['hold', 'hold']);
  });

  it('lets a dry run fail', () => {
    const looks = [60, 120].map((at) => ({ at, counters: counters(at, 0) }));
    const outcomes = look({ ...argo, dryRun: ['errors'] }, looks);
    expect(decisions(outcomes)).toEqual(['advance', 'advance']);
    expect(outcomes[1]?.verdicts).toMatchObject([{ verdict: 'fail' }]);
  });

  it('counts each metric for itself, also one that comes with a later step', () => {
    const second: AnalysisSpec = { ...errors, name: 'second' };
    const outcomes = look({ ...argo, failureLimit: 1 }, [
      { at: 60, counters: counters(60, 0) },
      { at: 120, counters: counters(120, 60), analysis: [second] },
      { at: 180, counters: counters(180, 120) },
    ]);
    expect(decisions(outcomes)).toEqual(['advance', 'advance', 'rollback']);
  });
});

it('starts anew where its memory cannot be read', () => {
  for (const judge of [flagger, argo]) {
    const input = judgeInput([], { judge, analysis: [errors], counters: counters(60), nowMs: LIVE_AT + 60_000 });
    expect(judgeByPlan.assess({ ...input, state: { failedChecks: 'many' } }).decision).toBe('advance');
  }
});

it('leaves the rest to the threshold judge', () => {
  const spec: AnalysisSpec = { ...errors, minRequests: 100 };
  const input = judgeInput([], { analysis: [spec], counters: counters(60), nowMs: LIVE_AT + 60_000 });
  expect(judgeByPlan.assess(input)).toMatchObject({ decision: 'advance', state: null });
});
