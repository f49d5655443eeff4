import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../../../src/core/rollout/retry-delay.ts';

describe('retryDelayMs', () => {
  it('stays between a second and five minutes, whatever the attempt', () => {
    fc.assert(
      fc.property(fc.integer({ min: -5, max: 1_000_000 }), fc.string(), (attempt, id) => {
        const delayMs = retryDelayMs(attempt, id);
        expect(delayMs).toBeGreaterThanOrEqual(1_000);
        expect(delayMs).toBeLessThanOrEqual(300_000);
        expect(retryDelayMs(attempt, id)).toBe(delayMs);
      }),
    );
  });

  it('grows with every attempt until it is at its longest', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.string(), (attempt, id) => {
        expect(retryDelayMs(attempt + 1, id)).toBeGreaterThan(retryDelayMs(attempt, id) * 1.5);
      }),
    );
  });

  it('spreads messages that failed together', () => {
    const delays = Array.from({ length: 100 }, (_, i) => retryDelayMs(5, `notice-${i}`));
    expect(new Set(delays).size).toBeGreaterThan(90);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(3_000);
  });
});
