import { describe, expect, it } from 'vitest';
import { logBeta, logGamma, logMultinomialBayes } from '../../../../src/core/analysis/statistics/log-gamma.ts';

describe('logGamma', () => {
  it('is exact on factorials', () => {
    let factorial = 1;
    for (let n = 1; n <= 20; n += 1) {
      expect(logGamma(n)).toBeCloseTo(Math.log(factorial), 12);
      factorial *= n;
    }
  });

  it('knows the half and the far ends', () => {
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 13);
    expect(logGamma(1e-8)).toBeCloseTo(Math.log(1e8), 7);
    expect(logGamma(1e4) / 82_099.71749644238).toBeCloseTo(1, 14);
  });

  it('satisfies Γ(x + 1) = x Γ(x) across the point where the series takes over', () => {
    for (let x = 0.3; x < 40; x += 0.7) expect(logGamma(x + 1) - logGamma(x)).toBeCloseTo(Math.log(x), 11);
  });

  it('refuses what Γ has no logarithm for', () => {
    for (const x of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => logGamma(x)).toThrow(RangeError);
  });
});

describe('logBeta', () => {
  it('agrees with the Γ function where that is precise, and is symmetric', () => {
    for (const [a, b] of [
      [0.4, 3],
      [2, 2],
      [7.5, 31],
    ] as const) {
      expect(logBeta(a, b)).toBeCloseTo(logGamma(a) + logGamma(b) - logGamma(a + b), 11);
      expect(logBeta(a, b)).toBeCloseTo(logBeta(b, a), 12);
    }
  });

  it('keeps its digits for large numbers: B(a, b + 1) = B(a, b) · b / (a + b)', () => {
    const [a, b] = [1e7, 3e9];
    expect(logBeta(a, b + 1) - logBeta(a, b)).toBeCloseTo(Math.log(b / (a + b)), 6);
  });
});

describe('logMultinomialBayes', () => {
  it('gives the value published with the sequential test of Optimizely', () => {
    // optimizely/ssrm: counts 60, 63, 32 wanted at .4, .4, .2, flat prior.
    expect(logMultinomialBayes([60, 63, 32], [0.4, 0.4, 0.2], [1, 1, 1])).toBeCloseTo(-4.183814, 6);
  });

  it('is a probability ratio: over all outcomes it averages to 1 under the shares', () => {
    const [p, n] = [0.3, 9];
    let mean = 0;
    let ways = 1;
    for (let x = 0; x <= n; x += 1) {
      mean += ways * p ** x * (1 - p) ** (n - x) * Math.exp(logMultinomialBayes([x, n - x], [p, 1 - p], [2, 5]));
      ways = (ways * (n - x)) / (x + 1);
    }
    expect(mean).toBeCloseTo(1, 10);
  });
});
