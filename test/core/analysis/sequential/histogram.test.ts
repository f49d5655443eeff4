import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asRecorded, cellsOf } from '../../../../src/core/analysis/scrapes.ts';
import {
  countsAt,
  countWithin,
  edgeOf,
  histogramOf,
  labelOfEdge,
} from '../../../../src/core/analysis/sequential/histogram.ts';

describe('a histogram', () => {
  it('knows nothing of an edge that it does not have', () => {
    const histogram = histogramOf([
      [250, 9],
      [100, 4],
    ]);
    expect(histogram).toEqual({ edges: [100, 250], counts: [4, 9] });
    expect([countWithin(histogram, 250), countWithin(histogram, 200)]).toEqual([9, undefined]);
    expect(countsAt(histogram, [100, 200, 250])).toEqual([4, undefined, 9]);
  });

  it('has one edge for the ways in which versions of Prometheus write it', () => {
    expect(['250', '250.0'].map(edgeOf)).toEqual([250, 250]);
    expect(['1800000', '1.8e+06'].map(edgeOf)).toEqual([1_800_000, 1_800_000]);
    expect(edgeOf('+Inf')).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('scrapes with a histogram', () => {
  const ARMS = { stable: 'stable', canary: 'canary' };
  const EDGES = [0.5, 100, 250, Number.POSITIVE_INFINITY];

  it('say for each moment what was there, also where an edge is not', () => {
    const present = fc.array(fc.array(fc.boolean(), { minLength: EDGES.length, maxLength: EDGES.length }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(present, (scrapes) => {
        const at = (i: number) => 1_000 * i + 500;
        const value = (i: number, edge: number) => 10 * i + edge;
        const series = EDGES.flatMap((_, edge) => ({
          ...{ proxy: 'a', cluster: 'canary', family: 'upstream_rq_time_bucket' as const },
          label: labelOfEdge(EDGES[edge] ?? 0),
          points: scrapes.flatMap((has, i) => (has[edge] === true ? [[at(i), value(i, edge)] as const] : [])),
        }));
        const expected = scrapes.flatMap((has, i) => {
          const le = EDGES.flatMap((ms, edge) => (has[edge] === true ? [[labelOfEdge(ms), value(i, edge)]] : []));
          return le.length === 0 ? [] : [{ t: at(i), le: Object.fromEntries(le) }];
        });
        const seen = asRecorded(cellsOf(series, ARMS, 1_000)).map(({ t, proxies }) => ({
          ...{ t, le: proxies.a?.canary?.le },
        }));
        expect(seen).toEqual(expected);
      }),
    );
  });

  it('share their edges, so that they are compared without a search', () => {
    const series = ['100', '+Inf'].map((label) => ({
      ...{ proxy: 'a', cluster: 'stable', family: 'upstream_rq_time_bucket' as const, label },
      points: [
        [500, 1],
        [1_500, 2],
      ] as const,
    }));
    const [first, second] = cellsOf(series, ARMS, 1_000).map(({ proxies }) => proxies.a?.stable?.histogram);
    expect(first?.edges).toEqual([100, Number.POSITIVE_INFINITY]);
    expect(second?.edges).toBe(first?.edges);
  });
});
