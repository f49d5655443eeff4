import { describe, expect, it } from 'vitest';
import { addPair, dispersion, NO_PAIRS, pairDispersion } from '../../../../src/core/analysis/statistics/dispersion.ts';

describe('dispersion', () => {
  it('is 1 on average for errors that come one by one, over every outcome', () => {
    // Given 6 bad events in all, the first of two scrapes with equal traffic has a binomial part of them.
    const ways = [1, 6, 15, 20, 15, 6, 1];
    const mean = ways.reduce((sum, way, bad) => {
      const squared = pairDispersion({ bad, total: 100 }, { bad: 6 - bad, total: 100 }) ?? 0;
      return sum + (way / 64) * squared;
    }, 0);
    expect(mean).toBeCloseTo(1, 12);
  });

  it('grows with the size of bursts and never falls below 1', () => {
    const calm = addPair(NO_PAIRS, { bad: 10, total: 1000 }, { bad: 10, total: 1000 });
    expect(dispersion(calm)).toBe(1);
    expect(dispersion(NO_PAIRS, { pairs: 0, value: 0 })).toBe(1);
    const burst = addPair(calm, { bad: 80, total: 1000 }, { bad: 0, total: 1000 });
    expect(burst).toEqual({ pairs: 2, sum: 80 });
    expect(dispersion(burst)).toBeCloseTo(85 / 7, 12);
  });

  it('learns nothing from a pair without errors or with an empty scrape', () => {
    expect(addPair(NO_PAIRS, { bad: 0, total: 100 }, { bad: 0, total: 100 })).toBe(NO_PAIRS);
    expect(addPair(NO_PAIRS, { bad: 4, total: 100 }, { bad: 0, total: 0 })).toBe(NO_PAIRS);
    expect(addPair(NO_PAIRS, { bad: 0, total: 0 }, { bad: 4, total: 100 })).toBe(NO_PAIRS);
  });

  it('refuses counts that are none', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      expect(() => pairDispersion({ bad, total: 10 }, { bad: 1, total: 10 })).toThrow(RangeError);
    }
  });
});
