import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../src/core/analysis/judge.ts';
import { lacking } from '../../../src/core/analysis/until.ts';

const verdict = (
  requests: number | null,
  baselineRequests: number | null,
  baseline: number | null = 0.005,
): Verdict => ({
  ...{ metric: 'error-rate', verdict: 'pass', reason: 'OK', detail: '', value: 0, baseline },
  ...{ limit: { min: null, max: null }, requests, baselineRequests },
});
const none = { requests: null, regression: null, atMostMs: null };

describe('what a step waits for', () => {
  it('is so many requests', () => {
    const until = { ...none, requests: 1_000 };
    expect(lacking(until, [])).toBe('0 of 1000 requests to the canary');
    expect(lacking(until, [verdict(null, null), verdict(999, 9_000)])).toBe('999 of 1000 requests to the canary');
    expect(lacking(until, [verdict(1_000, 9_000)])).toBeNull();
  });

  it('is enough of them to have seen a regression, more for a smaller one and for rarer errors', () => {
    const needed = (regression: number, baseline: number): number => {
      const enough = (n: number) => lacking({ ...none, regression }, [verdict(n, 9 * n, baseline)]) === null;
      let n = 1;
      while (!enough(n)) n *= 2;
      return n;
    };
    expect(needed(5, 0.005)).toBeLessThan(needed(2, 0.005));
    expect(needed(5, 0.05)).toBeLessThan(needed(5, 0.005));
    expect(needed(5, 0)).toBe(needed(5, 0.0001));
    const enough = verdict(needed(5, 0.005), 9 * needed(5, 0.005));
    expect(lacking({ ...none, regression: 5 }, [{ ...enough, dispersion: 6 }])).toContain('5-fold regression');
    expect(lacking({ ...none, regression: 5 }, [verdict(10, 90)])).toMatch(/5-fold regression \(\d % of them/);
  });
});
