import { describe, expect, it } from 'vitest';
import { meanInterval } from '../../../../src/core/analysis/statistics/mean-interval.ts';

describe('meanInterval', () => {
  it('is wider than an interval for one look, and narrows with the units', () => {
    const half = (units: number) => {
      const { low, high } = meanInterval({ difference: 1, standardError: 2 / Math.sqrt(units), units }, 0.05, 5000);
      expect(low + high).toBeCloseTo(2, 12);
      return (high - low) / 2;
    };
    expect(half(5000)).toBeGreaterThan((1.96 * 2) / Math.sqrt(5000));
    expect(half(50_000)).toBeLessThan(half(5000));
  });
});
