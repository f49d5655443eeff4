import { describe, expect, it } from 'vitest';
import { detectionLimits } from '../../../../src/core/analysis/statistics/limits.ts';

describe('detectionLimits', () => {
  it('needs fewer errors the larger the regression, and fewer of them when the baseline is known', () => {
    const twice = detectionLimits(0.005, 0.01, 0.05, 0.01);
    const tenfold = detectionLimits(0.005, 0.05, 0.05, 0.01);
    expect(tenfold.canaryErrors).toBeLessThan(twice.canaryErrors);
    expect(twice.conditionalCanaryErrors).toBeGreaterThan(twice.canaryErrors);
  });

  it('knows the ends: a canary that always fails, and one that never does', () => {
    expect(detectionLimits(0.5, 1, 0.5, 0.01).canaryRequests).toBeCloseTo(Math.log(100) / (Math.LN2 - 0.5), 9);
    expect(detectionLimits(0.5, 0, 0.5, 0.01)).toMatchObject({ canaryErrors: 0, conditionalCanaryErrors: 0 });
  });
});
