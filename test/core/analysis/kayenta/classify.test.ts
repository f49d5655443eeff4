import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyMetric, type KayentaMetric } from '../../../../src/core/analysis/kayenta/classify.ts';

const METRIC: KayentaMetric = {
  name: 'errors',
  direction: 'either',
  nanStrategy: 'remove',
  removeOutliers: false,
  outlierFactor: 3,
  critical: false,
  mustHaveData: false,
  tolerance: 0.25,
  confidence: 0.98,
  scaleTolerance: false,
  effect: 'meanRatio',
  allowed: { decrease: 1, increase: 1 },
  criticalLimits: { decrease: 1, increase: 1 },
};

const low = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const high = low.map((value) => value + 20);
const classify = (control: readonly number[], experiment: readonly number[], more: Partial<KayentaMetric> = {}) =>
  classifyMetric({ ...METRIC, ...more }, control, experiment);
const label = (...given: Parameters<typeof classify>) => classify(...given).label;

describe('direction', () => {
  it('looks only where it is told to', () => {
    const words = ['increase', 'decrease', 'either'] as const;
    expect(words.map((direction) => label(low, high, { direction }))).toEqual(['High', 'Pass', 'High']);
    expect(words.map((direction) => label(high, low, { direction }))).toEqual(['Pass', 'Low', 'Low']);
  });
});

describe('constant arms', () => {
  it('have their difference as interval and estimate', () => {
    const { label: own, shift } = classify([1, 1, 1], [3, 3]);
    expect([own, shift]).toEqual(['High', { interval: [2, 2], estimate: 2 }]);
    expect(classify([3], [1]).shift).toEqual({ interval: [-2, -2], estimate: -2 });
  });

  it('pass where they are one value, however often', () => {
    expect(classify([0, 0], [0])).toMatchObject({ label: 'Pass', effect: 1, shift: null });
    expect(classify([2], [2, 2], { effect: 'cles' })).toMatchObject({ label: 'Pass', effect: 0.5 });
  });

  it('may be one against one that moves', () => {
    expect(label([1, 1, 1, 1, 1, 1], [9, 10, 11, 9, 10, 11])).toBe('High');
  });
});

describe('limits', () => {
  it('are reached by an effect equal to them', () => {
    // The means are 5.5 and 25.5.
    const allowed = { decrease: 5.5 / 25.5, increase: 25.5 / 5.5 };
    expect(label(low, high, { allowed })).toBe('High');
    expect(label(high, low, { allowed })).toBe('Low');
    expect(label(low, high, { allowed: { ...allowed, increase: 4.64 } })).toBe('Pass');
    expect(label(high, low, { allowed: { ...allowed, decrease: 0.215 } })).toBe('Pass');
  });

  it('ask for an interval beyond the tolerance, not at it', () => {
    expect(label([1, 1], [3, 3], { tolerance: 1 })).toBe('Pass');
    expect(label([1, 1], [3, 3], { tolerance: 0.999 })).toBe('High');
    expect(label([3, 3], [1, 1], { tolerance: 1 })).toBe('Pass');
  });

  it('do not hold for an effect that cannot be computed', () => {
    const zeros = [0, 0, 0, 0, 0, 0];
    const limits = { decrease: 0, increase: 1_000 };
    const seen = classify(zeros, low, { critical: true, allowed: limits, criticalLimits: limits });
    expect(seen).toMatchObject({ label: 'High', critical: true, effect: null });
  });

  it('make a metric critical in its own direction', () => {
    const critical = { critical: true, criticalLimits: { decrease: 0.2, increase: 9 } };
    expect(classify(low, high, critical)).toMatchObject({ label: 'High', critical: false });
    expect(classify(high, low, critical)).toMatchObject({ label: 'Low', critical: false });
    expect(classify(high, low, { critical: true })).toMatchObject({ label: 'Low', critical: true });
    expect(classify(low, low, { critical: true })).toMatchObject({ label: 'Pass', critical: false });
  });
});

describe('missing values', () => {
  const nothing = [Number.NaN, Number.NaN];

  it('are no data, and never critical by themselves', () => {
    expect(classify(low, nothing)).toMatchObject({ label: 'Nodata', critical: false, shift: null, effect: null });
    expect(classify([], low)).toMatchObject({ label: 'Nodata', reason: 'no data in control' });
    expect(classify([], [])).toMatchObject({ reason: 'no data in control and experiment' });
  });

  it('fail a metric that must have data; a critical one stays critical', () => {
    expect(classify(low, [], { mustHaveData: true })).toMatchObject({ label: 'NodataFailMetric', critical: false });
    expect(classify(low, [], { mustHaveData: true, critical: true })).toMatchObject({
      label: 'Nodata',
      critical: true,
    });
  });

  it('are 0 where they are replaced, and an empty arm passes', () => {
    expect(classify([Number.NaN, 5], [0, 5], { nanStrategy: 'replace' }).reason).toBe('both arms have the same values');
    expect(classify(low, [], { nanStrategy: 'replace', critical: true })).toMatchObject({
      label: 'Pass',
      critical: false,
    });
  });
});

it('takes outliers out of each arm on its own', () => {
  const spiky = [...Array.from({ length: 99 }, (_, i) => 10 + (i % 5)), 1e6];
  const calm = Array.from({ length: 100 }, (_, i) => 10 + (i % 5));
  const effect = (removeOutliers: boolean) => classify(calm, spiky, { removeOutliers }).effect;
  expect(effect(false)).toBeGreaterThan(800);
  expect(effect(true)).toBeCloseTo(1, 2);
});

it('says that it cannot be computed where rounding ties everything', () => {
  const tied = classify([1e10, 1e10], [1, 1 + Number.EPSILON], { critical: true });
  expect(tied).toMatchObject({ label: 'Error', critical: true, shift: null });
});

it('never lets NaN out, and mirrors when the arms change places', () => {
  const samples = fc.array(fc.option(fc.integer({ min: 0, max: 50 }), { nil: Number.NaN }), { maxLength: 15 });
  fc.assert(
    fc.property(samples, samples, (control, experiment) => {
      const there = classify(control, experiment);
      expect(JSON.stringify(there)).not.toContain('NaN');
      for (const number of [...(there.shift?.interval ?? []), there.shift?.estimate ?? 0, there.effect ?? 0]) {
        expect(Number.isFinite(number)).toBe(true);
      }
      expect(there.reason).not.toBe('');
      if (there.label === 'High') expect(label(control, experiment, { direction: 'decrease' })).toBe('Pass');
    }),
  );
});
