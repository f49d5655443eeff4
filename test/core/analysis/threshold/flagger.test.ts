import { describe, expect, it } from 'vitest';
import {
  FLAGGER_START,
  type FlaggerDecision,
  type FlaggerPhase,
  type FlaggerSettings,
  flaggerRollbackTick,
  restartFlagger,
  tickFlagger,
} from '../../../../src/core/analysis/threshold/flagger.ts';
import { type FlaggerMetric, flaggerPasses } from '../../../../src/core/analysis/threshold/flagger-check.ts';
import { golden, oracle } from '../fixtures.ts';

type Settings = Partial<Pick<FlaggerSettings, 'threshold' | 'stepWeights'>> & {
  readonly stepWeight?: number;
  readonly maxWeight?: number;
  readonly stepWeightPromotion?: number;
};

const settings = (given: Settings): FlaggerSettings => ({
  threshold: given.threshold ?? 0,
  stepWeight: given.stepWeight ?? null,
  stepWeights: given.stepWeights ?? [],
  maxWeight: given.maxWeight ?? null,
  stepWeightPromotion: given.stepWeightPromotion ?? null,
});

/** P, F, `-`: no check is made, N: a new revision. */
function run(checks: readonly string[], given: Settings) {
  let state = FLAGGER_START;
  return checks.map((check) => {
    const tick = check === 'N' ? restartFlagger(state) : tickFlagger(state, check === 'P', settings(given));
    state = tick.state;
    return tick;
  });
}

interface Rollout {
  readonly id: string;
  readonly settings: Settings;
  readonly checks: readonly string[];
  readonly expected: {
    readonly decisions: readonly FlaggerDecision[];
    readonly weights: readonly number[];
    readonly failedChecks: readonly number[];
    readonly phases: readonly FlaggerPhase[];
  };
}
interface Check {
  readonly id: string;
  readonly metric: string;
  readonly value: number | string;
  readonly settings: { readonly min?: number; readonly max?: number; readonly threshold?: number };
  readonly expected: 'P' | 'F';
}
interface Values {
  readonly id: string;
  readonly settings: Settings;
  readonly check: Check['settings'];
  readonly values: readonly (number | string)[];
  readonly expected: {
    readonly checks: readonly string[];
    readonly decisions: readonly FlaggerDecision[];
    readonly weights: readonly number[];
  };
}
const { rollouts, checks, values } = oracle<{ rollouts: Rollout[]; checks: Check[]; values: Values[] }>('flagger');

it.each(rollouts)('$id', ({ checks: given, settings: own, expected }) => {
  const ticks = run(given, own);
  expect({
    decisions: ticks.map(({ decision }) => decision),
    weights: ticks.map(({ state }) => state.weight),
    failedChecks: ticks.map(({ state }) => state.failedChecks),
    phases: ticks.map(({ state }) => state.phase),
  }).toMatchObject({
    decisions: expected.decisions,
    weights: expected.weights,
    failedChecks: expected.failedChecks,
    phases: expected.phases,
  });
});

const NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  '+Inf': Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};

function passes(metric: string, value: number | string, { min, max, threshold = 0 }: Check['settings']): boolean {
  const ranged = min !== undefined || max !== undefined;
  const known: FlaggerMetric = {
    name: metric,
    range: ranged ? { min: min ?? null, max: max ?? null } : null,
    threshold,
  };
  const number = typeof value === 'string' ? NUMBERS[value] : value;
  return flaggerPasses(number === undefined ? { kind: 'none' } : { kind: 'value', value: number }, known);
}

it.each(checks)('$id', ({ metric, value, settings: own, expected }) => {
  expect(passes(metric, value, own)).toBe(expected === 'P');
});

it.each(values)('$id', ({ settings: own, check, values: given, expected }) => {
  const word = (value: number | string) => (passes('custom', value, check) ? 'P' : 'F');
  expect(given.map((value, i) => (i === 0 ? '-' : word(value)))).toEqual(expected.checks);
  const ticks = run(given.map(word), own);
  expect(ticks.map(({ decision }) => decision)).toEqual(expected.decisions);
  expect(ticks.map(({ state }) => state.weight)).toEqual(expected.weights);
});

it.each(golden<{ checks: string; threshold: number }, number | null>('flagger'))('golden $input.checks', (one) => {
  const given = one.input.checks.split('').map((check) => check === 'P');
  expect(flaggerRollbackTick(given, one.input.threshold)).toBe(one.expected);
});

it('never rolls back before the threshold', () => {
  expect(flaggerRollbackTick([false, false, true, true], 3)).toBeNull();
});

describe('weights', () => {
  const weights = (given: Settings, ticks: number) =>
    run(Array<string>(ticks).fill('P'), given).map(({ state, decision }) => [state.weight, decision]);

  it('may pass the maximum with the last step, but not all traffic', () => {
    expect(weights({ stepWeight: 40, maxWeight: 50 }, 3)).toEqual([
      [40, 'advance'],
      [80, 'advance'],
      [80, 'promote'],
    ]);
    expect(weights({ stepWeight: 60 }, 3)).toEqual([
      [60, 'advance'],
      [100, 'advance'],
      [100, 'promote'],
    ]);
  });

  it('goes up to all traffic where no maximum is given', () => {
    expect(weights({ stepWeights: [20, 100] }, 3).at(-1)).toEqual([100, 'promote']);
  });

  it('stays where there is no step to take', () => {
    expect(weights({}, 2)).toEqual([
      [0, 'hold'],
      [0, 'hold'],
    ]);
  });
});

it('starts again with a new revision after the end, but not while it promotes', () => {
  const restarted = restartFlagger({ phase: 'Failed', weight: 0, failedChecks: 3 });
  expect(restarted).toEqual({ state: FLAGGER_START, decision: 'restart' });
  expect(restartFlagger({ phase: 'Promoting', weight: 50, failedChecks: 0 }).decision).toBe('none');
});

it('cuts durations and their limits to whole milliseconds', () => {
  expect(passes('request-duration', 500.9, { max: 500.2 })).toBe(true);
  expect(passes('request-duration', 501, { max: 500.9 })).toBe(false);
  expect(passes('custom', 500.9, { max: 500.2 })).toBe(false);
});
