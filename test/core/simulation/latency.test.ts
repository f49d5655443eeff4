import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EDGES_MS, slowerThan } from '../../../src/core/simulation/latency.ts';

describe('the share of answers that take longer', () => {
  it('is a half at the median, and a hundredth at the 99th percentile', () => {
    const latency = { p50Ms: 40, p99Ms: 300 };
    expect(slowerThan(latency, 40)).toBeCloseTo(0.5, 6);
    expect(slowerThan(latency, 300)).toBeCloseTo(0.01, 6);
    // One standard deviation of the logarithm above the median.
    expect(slowerThan(latency, 40 * (300 / 40) ** (1 / 2.3263478740408408))).toBeCloseTo(0.158655, 5);
  });

  it('never grows with the edge, and is a share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 0, max: 10_000 }), (p50Ms, more) => {
        const shares = EDGES_MS.map((edge) => slowerThan({ p50Ms, p99Ms: p50Ms + more }, edge));
        expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
        expect(shares.toSorted((a, b) => b - a)).toEqual(shares);
      }),
    );
  });

  it('is all or nothing where every answer takes the same time', () => {
    const latency = { p50Ms: 40, p99Ms: 40 };
    expect([slowerThan(latency, 25), slowerThan(latency, 50)]).toEqual([1, 0]);
  });
});
