import { describe, expect, it } from 'vitest';
import { upperRate } from '../../../../src/core/analysis/statistics/upper-rate.ts';

/** Chance of at most `bad` events where `mean` are expected. */
function atMost(bad: number, mean: number): number {
  let [term, sum] = [Math.exp(-mean), 0];
  for (let i = 0; i <= bad; i += 1) {
    sum += term;
    term *= mean / (i + 1);
  }
  return sum;
}

describe('upperRate', () => {
  it('is a rate at which so few would have failed with a chance of one in a hundred', () => {
    for (const bad of [0, 1, 2, 5, 10, 50, 100, 400]) {
      const chance = atMost(bad, upperRate(bad, 100_000, 1) * 100_000);
      expect(chance).toBeGreaterThan(0.008);
      expect(chance).toBeLessThan(0.0115);
    }
  });

  it('is wider where failures come in bursts, and knows nothing without requests', () => {
    expect(upperRate(40, 1_000, 8)).toBeGreaterThan(upperRate(40, 1_000, 1));
    expect(upperRate(0, 0, 1)).toBe(1);
    expect(upperRate(3, 3, 1)).toBe(1);
  });

  it('refuses what is no count', () => {
    expect(() => upperRate(Number.NaN, 1, 1)).toThrow(RangeError);
    expect(() => upperRate(-1, 1, 1)).toThrow(RangeError);
    expect(() => upperRate(1, 1, 0.5)).toThrow(RangeError);
  });
});
