import { describe, expect, it } from 'vitest';
import { probabilityBetter } from '../../../../src/core/analysis/statistics/probability-better.ts';

describe('probabilityBetter', () => {
  it('is one half for equal data, and the two directions make 1', () => {
    const a = { successes: 12, users: 90 };
    const b = { successes: 20, users: 100 };
    expect(probabilityBetter(a, a)).toBeCloseTo(0.5, 10);
    expect(probabilityBetter(a, b) + probabilityBetter(b, a)).toBeCloseTo(1, 10);
  });

  it('is exact on posteriors that can be integrated by hand', () => {
    // Beta(2, 1) against Beta(1, 1): P(p2 > p1) = ∫ 2p · p dp = 2/3.
    expect(probabilityBetter({ successes: 0, users: 0 }, { successes: 1, users: 1 })).toBeCloseTo(2 / 3, 12);
  });

  it('refuses what are no counts', () => {
    const fine = { successes: 1, users: 2 };
    for (const broken of [
      { successes: 3, users: 2 },
      { successes: 0.5, users: 2 },
      { successes: -1, users: 2 },
    ]) {
      expect(() => probabilityBetter(fine, broken)).toThrow(RangeError);
    }
  });
});
