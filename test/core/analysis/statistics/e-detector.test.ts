import { describe, expect, it } from 'vitest';
import {
  type EDetectorState,
  hasChanged,
  NO_CHANGE,
  updateEDetector,
} from '../../../../src/core/analysis/statistics/e-detector.ts';

const SPEC = { ratio: 1, ticksBetween: 10_000 };
const limit = 0.1;

function watch(bad: readonly number[], requests = 100): EDetectorState {
  return bad.reduce((state, x) => updateEDetector(SPEC, state, [{ x, n: requests, w: limit }], 1), NO_CHANGE);
}

describe('updateEDetector', () => {
  it('grows by at most 1 per tick on average at the limit, over every outcome: so alarms are as rare as promised', () => {
    const requests = 6;
    const walk = (state: EDetectorState, tick: number): number => {
      if (tick === 4) return Math.exp(state.logE ?? Number.NEGATIVE_INFINITY);
      let mean = 0;
      let ways = 1;
      for (let x = 0; x <= requests; x += 1) {
        const chance = ways * limit ** x * (1 - limit) ** (requests - x);
        mean += chance * walk(updateEDetector(SPEC, state, [{ x, n: requests, w: limit }], 1), tick + 1);
        ways = (ways * (requests - x)) / (x + 1);
      }
      return mean;
    };
    expect(walk(NO_CHANGE, 0)).toBeCloseTo(4, 9);
  });

  it('sees a change after a long quiet time as soon as one at the beginning', () => {
    const soon = (quiet: number) => {
      for (let after = 1; after < 50; after += 1) {
        const seen = watch([...new Array<number>(quiet).fill(10), ...new Array<number>(after).fill(25)]);
        if (hasChanged(SPEC, seen)) return after;
      }
      return Number.POSITIVE_INFINITY;
    };
    expect(soon(400)).toBeLessThanOrEqual(soon(0));
    expect(soon(0)).toBeLessThan(6);
  });

  it('stays calm at the limit, survives JSON and says nothing without traffic', () => {
    expect(hasChanged(SPEC, watch(new Array<number>(500).fill(10)))).toBe(false);
    expect(hasChanged(SPEC, NO_CHANGE)).toBe(false);
    expect(JSON.parse(JSON.stringify(watch([10, 12])))).toEqual(watch([10, 12]));
    const idle = updateEDetector(SPEC, NO_CHANGE, [], 1);
    expect(idle.logE).toBeCloseTo(0, 12);
  });

  it('refuses what is no count', () => {
    expect(() => updateEDetector(SPEC, NO_CHANGE, [{ x: Number.NaN, n: 1, w: limit }], 1)).toThrow(RangeError);
  });
});
