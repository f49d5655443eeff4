import { describe, expect, it } from 'vitest';
import {
  NO_RATIO,
  rateRatioInterval,
  updateRateRatio,
} from '../../../../src/core/analysis/statistics/rate-ratio-interval.ts';

describe('rateRatioInterval', () => {
  it('knows no bound before there is data', () => {
    expect(rateRatioInterval(NO_RATIO, 0.05)).toEqual({ low: 0, high: null });
  });

  it('closes around the true ratio and is wider for a smaller error', () => {
    // 3 times the rate at a fifth of the traffic.
    const after = updateRateRatio(NO_RATIO, [{ x: 600, n: 1400, w: 0.2 }], 1);
    const { low, high } = rateRatioInterval(after, 0.05);
    expect(low).toBeGreaterThan(2.2);
    expect(low).toBeLessThan(3);
    expect(high).toBeGreaterThan(3);
    expect(high).toBeLessThan(4);
    const surer = rateRatioInterval(after, 0.0001);
    expect(surer.low).toBeLessThan(low);
    expect(surer.high ?? 0).toBeGreaterThan(high ?? 0);
    const tempered = rateRatioInterval(updateRateRatio(NO_RATIO, [{ x: 600, n: 1400, w: 0.2 }], 10), 0.05);
    expect(tempered.low).toBeLessThan(low);
  });

  it('stays open above when only the canary fails, and below when only the baseline does', () => {
    const onlyCanary = rateRatioInterval(updateRateRatio(NO_RATIO, [{ x: 40, n: 40, w: 0.5 }], 1), 0.05);
    expect(onlyCanary.high).toBeNull();
    expect(onlyCanary.low).toBeGreaterThan(1);
    const onlyStable = rateRatioInterval(updateRateRatio(NO_RATIO, [{ x: 0, n: 40, w: 0.5 }], 1), 0.05);
    expect(onlyStable.low).toBe(0);
    expect(onlyStable.high).toBeLessThan(1);
  });

  it('asks no less of a ratio that has few others beside it', () => {
    const alpha = 0.05;
    // Next to the edge a single step of the grid is left; its evidence still is one of seven.
    const step = Math.log(2 / alpha) + 1;
    const climbing = { levels: NO_RATIO.levels.map((_, index) => index * step) };
    expect(rateRatioInterval(climbing, alpha).low).toBeCloseTo(Math.exp(-5 + 0.05 * 238), 6);
  });

  it('covers the truth at every look at once, over every path of a small experiment', () => {
    // 12 ticks of one bad event each; the canary has half the traffic and the same rate.
    const alpha = 0.2;
    const missed = (state: typeof NO_RATIO, tick: number): number => {
      const { low, high } = rateRatioInterval(state, alpha);
      if (low > 1 || (high !== null && high < 1)) return 1;
      if (tick === 12) return 0;
      const next = (x: number) => missed(updateRateRatio(state, [{ x, n: 1, w: 0.5 }], 1), tick + 1);
      return (next(0) + next(1)) / 2;
    };
    const probability = missed(NO_RATIO, 0);
    expect(probability).toBeGreaterThan(0);
    expect(probability).toBeLessThanOrEqual(alpha);
  });
});
