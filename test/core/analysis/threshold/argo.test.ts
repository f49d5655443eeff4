import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ARGO_LIMITS,
  ARGO_START,
  type ArgoLimits,
  type ArgoMeasurement,
  type ArgoPhase,
  measureArgo,
  terminateArgo,
} from '../../../../src/core/analysis/threshold/argo.ts';
import { golden, oracle } from '../fixtures.ts';

interface Sequence {
  readonly id: string;
  readonly limits: Partial<ArgoLimits> & { readonly interval?: boolean };
  readonly measurements: readonly { readonly phase: ArgoMeasurement }[];
  readonly expected: {
    readonly phases: readonly ArgoPhase[];
    readonly outcome: ArgoPhase;
    readonly ifTerminatedNow?: ArgoPhase;
  };
}

function phases(measurements: readonly ArgoMeasurement[], limits: Partial<ArgoLimits>) {
  let metric = ARGO_START;
  const after = measurements.map((one) => {
    metric = measureArgo(metric, one, { ...ARGO_LIMITS, ...limits });
    return metric.phase;
  });
  return { after, metric };
}

describe("sequences of Argo's own suite", () => {
  it.each(oracle<{ sequences: Sequence[] }>('argo').sequences)('$id', ({ limits, measurements, expected }) => {
    const { interval: hasInterval = true, ...named } = limits;
    const { after, metric } = phases(
      measurements.map(({ phase }) => phase),
      { ...named, hasInterval },
    );
    expect(after).toEqual(expected.phases);
    expect(metric.phase).toBe(expected.outcome);
    if (expected.ifTerminatedNow !== undefined) expect(terminateArgo(metric)).toBe(expected.ifTerminatedNow);
  });
});

type Golden = Omit<ArgoLimits, 'hasInterval'> & { readonly phases: string };

it.each(golden<Golden, { result: ArgoPhase; atIndex: number }>('argo'))('golden $input.phases', (one) => {
  const { phases: word, ...limits } = one.input;
  const { after, metric } = phases(word.split('') as ArgoMeasurement[], { ...limits, hasInterval: true });
  const decided = after.findIndex((phase) => phase !== 'Running');
  expect(metric.phase).toBe(one.expected.result);
  expect(decided === -1 ? after.length - 1 : decided).toBe(one.expected.atIndex);
});

describe('count and interval', () => {
  it('takes one measurement where neither is given, and 0 is not given', () => {
    expect(phases(['S'], {}).after).toEqual(['Successful']);
    expect(phases(['S'], { count: 0 }).after).toEqual(['Successful']);
  });

  it('runs on with an interval alone', () => {
    expect(phases(['S', 'S'], { hasInterval: true }).after).toEqual(['Running', 'Running']);
    expect(phases(['S', 'S'], { hasInterval: true, count: 0 }).after).toEqual(['Running', 'Running']);
  });

  it('does not count errors', () => {
    expect(phases(['E', 'S', 'E', 'S'], { count: 2 }).after).toEqual(['Running', 'Running', 'Running', 'Successful']);
  });

  it('tests the limits before the count is full', () => {
    expect(phases(['S', 'F'], { count: 2 }).after).toEqual(['Running', 'Failed']);
  });
});

it('prefers errors to inconclusive ones, and these to failures', () => {
  const tight = { hasInterval: true, consecutiveErrorLimit: 0, failureLimit: 1, inconclusiveLimit: 1 };
  expect(phases(['F', 'I', 'E'], tight).after.at(-1)).toBe('Error');
  expect(phases(['F', 'I', 'I', 'F'], tight).after.at(-1)).toBe('Inconclusive');
});

it('is over for good', () => {
  const any = fc.constantFrom<ArgoMeasurement>('S', 'F', 'I', 'E');
  const limits = fc.record({
    failureLimit: fc.integer({ min: -1, max: 3 }),
    inconclusiveLimit: fc.nat(3),
    consecutiveErrorLimit: fc.nat(3),
    consecutiveSuccessLimit: fc.nat(3),
    count: fc.option(fc.nat(6)),
    hasInterval: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 20 }), limits, (measurements, given) => {
      const { after, metric } = phases(measurements, given);
      const first = after.findIndex((phase) => phase !== 'Running');
      expect(after.slice(first === -1 ? after.length : first).every((phase) => phase === metric.phase)).toBe(true);
      expect(metric.failed).toBeLessThanOrEqual(measurements.filter((one) => one === 'F').length);
    }),
  );
});
