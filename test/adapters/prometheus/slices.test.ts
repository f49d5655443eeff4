import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeSlices, sliceRange } from '../../../src/adapters/prometheus/slices.ts';
import type { CounterSeries, CountersResult } from '../../../src/core/analysis/judge.ts';

const series = (label: string, points: CounterSeries['points']): CounterSeries => {
  return { proxy: 'p', cluster: 'c', family: 'upstream_rq_xx', label, points };
};
const ok = (...all: CounterSeries[]): CountersResult => ({ kind: 'ok', series: all });
const noData: CountersResult = { kind: 'gap', gap: 'NO_DATA', detail: 'no series match' };
const down: CountersResult = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'gone' };

describe('sliceRange', () => {
  it('leaves a short stretch whole and cuts an hour of quarter-minute scrapes into six', () => {
    expect(sliceRange({ fromMs: 5, toMs: 600_005 }, 15_000)).toEqual([{ fromMs: 5, toMs: 600_005 }]);
    expect(sliceRange({ fromMs: 0, toMs: 3_600_000 }, 15_000)).toHaveLength(6);
    expect(sliceRange({ fromMs: 7, toMs: 7 }, 15_000)).toEqual([{ fromMs: 7, toMs: 7 }]);
  });

  it('covers every millisecond once, with few queries', () => {
    const range = {
      fromMs: fc.nat(10_000),
      lengthMs: fc.nat(8_000_000),
      scrapeMs: fc.integer({ min: 100, max: 60_000 }),
    };
    fc.assert(
      fc.property(fc.record(range), ({ fromMs, lengthMs, scrapeMs }) => {
        const slices = sliceRange({ fromMs, toMs: fromMs + lengthMs }, scrapeMs);
        expect(slices.length).toBeLessThanOrEqual(8);
        expect(slices[0]?.fromMs).toBe(fromMs);
        expect(slices.at(-1)?.toMs).toBe(fromMs + lengthMs);
        for (const [i, slice] of slices.entries()) {
          expect(slice.toMs).toBeGreaterThanOrEqual(slice.fromMs);
          if (i > 0) expect(slice.fromMs).toBe((slices[i - 1]?.toMs ?? 0) + 1);
        }
      }),
    );
  });
});

describe('mergeSlices', () => {
  it('joins the samples of each series in order', () => {
    const early = ok(series('2', [[1, 10]]), series('4', [[1, 1]]));
    const late = ok(series('2', [[2, 20]]), series('5', [[2, 7]]));
    expect(mergeSlices([early, late])).toEqual(
      ok(
        series('2', [
          [1, 10],
          [2, 20],
        ]),
        series('4', [[1, 1]]),
        series('5', [[2, 7]]),
      ),
    );
  });

  it('takes a silent slice for silence, and a failed one for no evidence at all', () => {
    const some = ok(series('2', [[1, 10]]));
    expect(mergeSlices([noData, some])).toEqual(some);
    expect(mergeSlices([noData, noData])).toEqual(noData);
    expect(mergeSlices([some, down, noData])).toEqual(down);
  });
});
