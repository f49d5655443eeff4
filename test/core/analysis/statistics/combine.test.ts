import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_EVIDENCE } from '../../../../src/core/analysis/statistics/clipped-sum.ts';
import { clipFor, combineEvidence, rejects } from '../../../../src/core/analysis/statistics/combine.ts';

const evidence = (errors: number, latency: number) => [
  { name: 'errors', weight: 0.6, raw: errors },
  { name: 'latency', weight: 0.4, raw: latency },
];

describe('combineEvidence', () => {
  it('is the weighted mean of the e-values, and names what weighs most', () => {
    const { raw, cause } = combineEvidence(NO_EVIDENCE, evidence(Math.log(5), Math.log(30)), 100);
    expect(Math.exp(raw)).toBeCloseTo(0.6 * 5 + 0.4 * 30, 9);
    expect(cause).toBe('latency');
    expect(combineEvidence(NO_EVIDENCE, evidence(900, -900), 100).cause).toBe('errors');
    expect(combineEvidence(NO_EVIDENCE, evidence(1, 1.2), 100).cause).toBe('errors');
  });

  it('needs two scrapes to reject, however strong the first is', () => {
    const clip = clipFor(0.01, 2);
    const first = combineEvidence(NO_EVIDENCE, evidence(500, 0), clip);
    expect(rejects(first.logE, 0.01)).toBe(false);
    expect(rejects(combineEvidence(first, evidence(1000, 0), clip).logE, 0.01)).toBe(true);
  });

  it('never exceeds what was really gained', () => {
    const series = fc.array(
      fc.tuple(fc.double({ min: -40, max: 40, noNaN: true }), fc.double({ min: -40, max: 40, noNaN: true })),
    );
    fc.assert(
      fc.property(series, (all) => {
        all.reduce((before, [errors, latency]) => {
          const after = combineEvidence(before, evidence(errors, latency), 2.3);
          expect(after.logE).toBeLessThanOrEqual(after.raw + 1e-12);
          expect(after.logE - before.logE).toBeLessThanOrEqual(2.3 + 1e-12);
          return after;
        }, NO_EVIDENCE);
      }),
    );
  });

  it('refuses evidence that is no number, no metric at all, and weights that void the bound', () => {
    expect(() => combineEvidence(NO_EVIDENCE, evidence(Number.NaN, 0), 2)).toThrow(RangeError);
    expect(() => combineEvidence(NO_EVIDENCE, [], 2)).toThrow(/no metric/);
    expect(() => combineEvidence(NO_EVIDENCE, [...evidence(0, 0), ...evidence(0, 0)], 2)).toThrow(/sum to/);
  });
});
