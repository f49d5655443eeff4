import { describe, expect, it } from 'vitest';
import { errorCounts, slowCounts } from '../../../src/core/analysis/arm-counts.ts';
import { recordedGrowth } from '../../../src/core/analysis/recorded-growth.ts';
import type { ProxyScrape } from '../../../src/core/analysis/sequential/scrape.ts';

type Line = Readonly<Record<string, ProxyScrape>>;

/** Bad requests and requests of the canary, line by line. */
function grown(...lines: readonly Line[]): (readonly [number, number])[] {
  const growth = recordedGrowth();
  return lines.map((line) => {
    const { bad, requests } = errorCounts(growth(line), 'canary');
    return [bad, requests];
  });
}

const canary = (good: number, bad?: number, more: ProxyScrape = {}): Line => ({
  p1: { ...more, stable: {}, canary: { rq_xx: { 2: good, ...(bad === undefined ? {} : { 5: bad }) } } },
});

it('begins with the second line, and counts a class in full that appears later', () => {
  expect(grown(canary(100), canary(110), canary(120, 3))).toEqual([
    [0, 0],
    [0, 10],
    [3, 13],
  ]);
});

it('counts an arm from 0 that comes to a known proxy', () => {
  expect(grown({ p1: { stable: {} } }, canary(10, 1))).toEqual([
    [0, 0],
    [1, 11],
  ]);
});

it('spans a lost scrape, of one proxy or of all', () => {
  expect(grown(canary(100), { p2: { canary: {} } }, {}, canary(130))).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 30],
  ]);
});

it('adds up proxies', () => {
  const two = (n: number): Line => ({ ...canary(n), p2: { canary: { rq_xx: { 2: 2 * n } } } });
  expect(grown(two(100), two(110))[1]).toEqual([0, 30]);
});

describe('a restart', () => {
  it('is told by uptime or epoch, even where counters are above their old values', () => {
    expect(grown(canary(100, 5, { uptime: 500 }), canary(120, 5, { uptime: 10 }))[1]).toEqual([5, 125]);
    expect(grown(canary(100, 5, { epoch: 1 }), canary(120, 5, { epoch: 2 }))[1]).toEqual([5, 125]);
  });

  it('is taken for one without them when everything fell', () => {
    expect(grown(canary(100, 5), canary(20, 1))[1]).toEqual([1, 21]);
  });

  it('is none when only one arm fell', () => {
    const both = (stable: number, own: number): Line => ({
      p1: { stable: { rq_xx: { 2: stable } }, canary: { rq_xx: { 2: own } } },
    });
    expect(grown(both(100, 100), both(110, 20))[1]).toEqual([0, 0]);
    expect(grown(both(100, 100), both(10, 20))[1]).toEqual([0, 20]);
  });

  it('is none when only a part fell: then the stretch says nothing, and the next one goes on from there', () => {
    expect(grown(canary(100, 5), canary(20, 6), canary(30, 7)).slice(1)).toEqual([
      [0, 0],
      [1, 11],
    ]);
    expect(grown(canary(100, 5, { uptime: 10 }), canary(20, 1, { uptime: 25 }))[1]).toEqual([0, 0]);
  });
});

it('has the histogram and the timeouts of an arm', () => {
  const growth = recordedGrowth();
  const line = (n: number): Line => ({
    p1: { canary: { timeout: n / 10, le: { '100': n, '250': 2 * n, '+Inf': 3 * n } } },
  });
  growth(line(0));
  expect(slowCounts(growth(line(100)), 'canary', 200)).toEqual({
    kind: 'ok',
    counts: { bad: 110, requests: 310 },
    edgeMs: 250,
  });
});
