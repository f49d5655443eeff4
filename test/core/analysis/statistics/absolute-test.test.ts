import { describe, expect, it } from 'vitest';
import { absoluteTest, againstLimit } from '../../../../src/core/analysis/statistics/absolute-test.ts';
import { FROM_THE_START, startTiltTest, updateTiltTest } from '../../../../src/core/analysis/statistics/tilt-test.ts';

function evidence(side: 1 | -1, bad: number, requests: number, limit: number): number {
  const spec = absoluteTest(side, FROM_THE_START);
  return updateTiltTest(spec, startTiltTest(spec), [againstLimit(bad, requests, limit)], 1).logE;
}

describe('absoluteTest', () => {
  it('tells a rate over the limit from one under it', () => {
    expect(evidence(1, 60, 10_000, 0.001)).toBeGreaterThan(Math.log(100));
    expect(evidence(1, 10, 10_000, 0.001)).toBeLessThan(0);
    expect(evidence(-1, 0, 10_000, 0.001)).toBeGreaterThan(Math.log(100));
    expect(evidence(-1, 60, 10_000, 0.001)).toBeLessThan(0);
  });

  it('keeps its bound on average over every outcome at the limit', () => {
    const [limit, requests] = [0.08, 12];
    let ways = 1;
    const means = { over: 0, under: 0 };
    for (let bad = 0; bad <= requests; bad += 1) {
      const chance = ways * limit ** bad * (1 - limit) ** (requests - bad);
      means.over += chance * Math.exp(evidence(1, bad, requests, limit));
      means.under += chance * Math.exp(evidence(-1, bad, requests, limit));
      ways = (ways * (requests - bad)) / (bad + 1);
    }
    expect(means.over).toBeCloseTo(1, 9);
    expect(means.under).toBeCloseTo(1, 9);
  });
});
