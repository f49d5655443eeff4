import { describe, expect, it } from 'vitest';
import {
  ARGO_LIMITS,
  ARGO_START,
  type ArgoLimits,
  type ArgoMeasurement,
  type ArgoPhase,
  measureArgo,
} from '../../../../src/core/analysis/threshold/argo.ts';
import { type Answer, argoMeasurement, within } from '../../../../src/core/analysis/threshold/argo-measurement.ts';
import { oracle } from '../fixtures.ts';
import { condition, type Words } from './argo-conditions.ts';

interface Conditions {
  readonly success: Words | null;
  readonly failure: Words | null;
}

interface Given {
  readonly value?: number | string | readonly number[] | null;
  readonly empty?: boolean;
  readonly error?: boolean;
}

const NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  '+Inf': Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
};

function answer({ value }: Given): Answer {
  const number = typeof value === 'string' ? NUMBERS[value] : value;
  return number === undefined || number === null ? { kind: 'none' } : { kind: 'value', value: number };
}

const conditions = ({ success, failure }: Conditions) => ({
  success: success === null ? null : condition(success),
  failure: failure === null ? null : condition(failure),
});

type Evaluated = Conditions & Given & { readonly id: string; readonly expected: ArgoMeasurement };
type Values = Conditions & {
  readonly id: string;
  readonly limits: Partial<ArgoLimits>;
  readonly measurements: readonly Given[];
  readonly expected: { readonly measurements: readonly ArgoMeasurement[]; readonly phases: readonly ArgoPhase[] };
};

const { evaluate, values } = oracle<{ evaluate: Evaluated[]; values: Values[] }>('argo');

it.each(evaluate)('$id', (one) => {
  expect(argoMeasurement(answer(one), conditions(one))).toBe(one.expected);
});

it.each(values)('$id', ({ limits, measurements, expected, ...given }) => {
  const measured = measurements.map((one) => argoMeasurement(answer(one), conditions(given)));
  expect(measured).toEqual(expected.measurements);
  let metric = ARGO_START;
  const after = measured.map((one) => {
    metric = measureArgo(metric, one, { ...ARGO_LIMITS, hasInterval: true, ...limits });
    return metric.phase;
  });
  expect(after).toEqual(expected.phases);
});

describe('within', () => {
  const range = within({ min: 1, max: 2 });

  it('includes its limits', () => {
    expect([0.999, 1, 2, 2.001].map(range)).toEqual([false, true, true, false]);
  });

  it('has no place for NaN, even without limits', () => {
    expect(range(Number.NaN)).toBe(false);
    expect(within({ min: null, max: null })(Number.NaN)).toBe(false);
    expect(within({ min: null, max: 1 })(Number.NEGATIVE_INFINITY)).toBe(true);
  });

  it('wants all of several values, and says nothing about none', () => {
    expect(range([1, 1.5])).toBe(true);
    expect(range([1, 3])).toBe(false);
    expect(range([])).toBeNull();
  });
});
