import { describe, expect, it } from 'vitest';
import {
  armsEvidence,
  shareEvidence,
  startShareTest,
  updateShareTest,
} from '../../../../src/core/analysis/statistics/share-test.ts';
import { FROM_THE_START } from '../../../../src/core/analysis/statistics/tilt-test.ts';

const SPEC = { tolerance: 1.1, starts: FROM_THE_START };
const evidenceOf = (x: number, n: number, w: number) =>
  shareEvidence(updateShareTest(SPEC, startShareTest(SPEC), [{ x, n, w }]));

describe('the share test', () => {
  it('tells a wrong split in either direction, and leaves one within the tolerance alone', () => {
    const limit = Math.log(1000);
    expect(evidenceOf(750, 10_000, 0.05)).toBeGreaterThan(limit);
    expect(evidenceOf(250, 10_000, 0.05)).toBeGreaterThan(limit);
    expect(evidenceOf(520_000, 10_000_000, 0.05)).toBeLessThan(0);
    expect(evidenceOf(0, 2_000, 0.05)).toBeGreaterThan(limit);
  });
});

describe('the bound', () => {
  /** Sums the evidence over every outcome of two scrapes of four requests, each with its probability. */
  function expected(share: number, wanted: number): number {
    const choose = [1, 4, 6, 4, 1];
    const chance = (x: number) => (choose[x] ?? 0) * share ** x * (1 - share) ** (4 - x);
    let sum = 0;
    for (let a = 0; a <= 4; a += 1) {
      for (let b = 0; b <= 4; b += 1) {
        const first = updateShareTest(SPEC, startShareTest(SPEC), [{ x: a, n: 4, w: wanted }]);
        const second = updateShareTest(SPEC, first, [{ x: b, n: 4, w: wanted }]);
        sum += chance(a) * chance(b) * Math.exp(shareEvidence(second));
      }
    }
    return sum;
  }
  const withOdds = (wanted: number, factor: number) => {
    const odds = (wanted / (1 - wanted)) * factor;
    return odds / (1 + odds);
  };

  it.each([[0.05], [0.25], [0.5], [0.9]])(
    'holds on average over every outcome at %d, up to the tolerance',
    (wanted) => {
      for (const factor of [1 / 1.1, 0.97, 1, 1.05, 1.1]) {
        expect(expected(withOdds(wanted, factor), wanted)).toBeLessThanOrEqual(1 + 1e-9);
      }
      const wrong = withOdds(wanted, wanted > 0.5 ? 1 / 8 : 8);
      expect(expected(wrong, wanted)).toBeGreaterThan(1);
    },
  );
});

describe('armsEvidence', () => {
  it('is the ratio of the two likelihoods', () => {
    const flat = armsEvidence([5, 5], [0.5, 0.5], 2);
    // Γ(2)/Γ(12) · Γ(6)² · 2^10
    expect(flat).toBeCloseTo(Math.log((120 * 120 * 1024) / 39_916_800), 12);
  });
});
