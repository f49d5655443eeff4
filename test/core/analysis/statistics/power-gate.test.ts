import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  baselineRate,
  powerGained,
  powerNeeded,
  powerOf,
} from '../../../../src/core/analysis/statistics/power-gate.ts';

const SPEC = { detectable: 5, ratio: 1.25 };

describe('the power gate', () => {
  it('gains nothing where one arm has no traffic', () => {
    expect(powerOf(0, 1000, SPEC)).toBe(0);
    expect(powerOf(1000, 0, SPEC)).toBe(0);
  });

  it('gains with traffic and with the size of what must be seen, never below 0', () => {
    const requests = fc.integer({ min: 1, max: 1e6 });
    fc.assert(
      fc.property(requests, requests, requests, (canary, stable, more) => {
        const one = powerOf(canary, stable, SPEC);
        expect(one).toBeGreaterThanOrEqual(0);
        expect(powerOf(canary + more, stable + more, SPEC)).toBeGreaterThanOrEqual(one);
        expect(powerOf(canary, stable, { ...SPEC, detectable: 8 })).toBeGreaterThanOrEqual(one);
      }),
    );
  });

  it('is tempered like the evidence it stands for, and asks for the cost of the mixture on top', () => {
    expect(powerGained(400, 0.005, 4)).toBeCloseTo(0.5, 12);
    expect(powerNeeded(0.01)).toBeCloseTo(Math.log(100) + 3.5, 12);
  });

  it('takes a baseline without errors for one of 0.1 %', () => {
    expect(baselineRate(0, 1e6)).toBe(0.001);
    expect(baselineRate(0, 0)).toBe(0.5);
    expect(baselineRate(50, 999)).toBeCloseTo(0.0505, 12);
  });
});
