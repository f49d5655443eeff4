import { describe, expect, it } from 'vitest';
import { type AckedProxy, crashFromMs, crashInScrapes } from '../../../src/core/analysis/crash-in-scrapes.ts';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import { countErrors } from '../../../src/core/analysis/sequential/counts.ts';
import { FIRST_MS, HISTORY, play, SCRAPE_MS, type World } from './played-counters.ts';

const ARMS = { stable: 'stable', canary: 'canary' };
const world = (fields: Partial<World> = {}): World => ({
  ...{ rps: 40, proxies: 2, stableRate: 0.01, canaryRate: () => 1, scrapes: HISTORY + 60 },
  share: (ms) => (ms < FIRST_MS ? 0 : 0.1),
  ...fields,
});
const ACKED: readonly AckedProxy[] = [{ proxy: 'p0', ackedAtMs: FIRST_MS + 200 }];

interface Look {
  readonly acked?: readonly AckedProxy[];
  readonly series?: (seen: readonly CounterSeries[]) => readonly CounterSeries[];
  readonly count?: readonly string[];
}

/** What is seen so many seconds after the commit, of what was asked for then. */
function seenAt(w: World, second: number, { acked = ACKED, series = (all) => all, count = ['5xx'] }: Look = {}) {
  const watch = { committedAtMs: FIRST_MS, nowMs: FIRST_MS + second * 1_000, scrapeMs: SCRAPE_MS };
  const fromMs = crashFromMs(watch);
  const seen = play(w).flatMap((one) => {
    const points = one.points.filter(([tMs]) => tMs >= fromMs && tMs <= watch.nowMs);
    return points.length === 0 ? [] : [{ ...one, points }];
  });
  return crashInScrapes(series(seen), ARMS, acked, { ...watch, failures: countErrors(count), routeTimeoutMs: 0 });
}

/** Seconds after the commit at which a crash is first seen, by a look per scrape; `null`: never. */
function firstSeen(w: World, look: Look = {}, until = 780): number | null {
  for (let second = 15; second <= until; second += 15) if (seenAt(w, second, look) !== null) return second;
  return null;
}

describe('a crash in scrapes, while a step waits for an Envoy', () => {
  it.each<[string, World, Look]>([
    ['nobody has ACKed the step', world(), { acked: [] }],
    ['the Envoy that has it is not scraped', world(), { acked: [{ proxy: 'p9', ackedAtMs: FIRST_MS }] }],
    ['the canary is well', world({ canaryRate: () => 0.01 }), {}],
    ['a tenth of its requests fail: that is for the judge', world({ canaryRate: () => 0.1 }), {}],
    ['stable fails as well', world({ stableRate: 0.6 }), {}],
    [
      'it failed only before the Envoy had the step',
      world({ canaryRate: (s) => (s < 120 ? 1 : 0) }),
      {
        acked: [{ proxy: 'p0', ackedAtMs: FIRST_MS + 120_000 }],
      },
    ],
    ['it failed only until the step has settled there', world({ canaryRate: (s) => (s < 30 ? 1 : 0) }), {}],
    ['it fails in one scrape', world({ canaryRate: (s) => (s > 100 && s < 115 ? 1 : 0) }), {}],
    ['the answers that fail are no failure by the plan', world(), { count: ['429'] }],
    [
      'two targets claim to be the Envoy',
      world(),
      {
        series: (all) => [
          ...all,
          ...all.map((one) => ({ ...one, points: one.points.map(([t, n]) => [t, n + 1] as const) })),
        ],
      },
    ],
    [
      'a counter is no number',
      world(),
      {
        series: (all) =>
          all.map((one, i) => (i === 0 ? { ...one, points: [...one.points, [FIRST_MS, Number.NaN]] } : one)),
      },
    ],
  ])('is none where %s', (_, w, look) => {
    expect(firstSeen(w, look)).toBeNull();
  });

  it('is seen once the step has settled where it is, in the second pair of scrapes', () => {
    expect(firstSeen(world())).toBeLessThanOrEqual(7 * 15);
    expect(seenAt(world(), 105)).toMatchObject({ baselineFailed: expect.any(Number) });
    const { failed = 0, requests = 0 } = seenAt(world(), 105) ?? {};
    expect([failed > 50, failed === requests]).toEqual([true, true]);
  });

  it('is seen when half of the requests fail, and when it begins late', () => {
    expect(firstSeen(world({ canaryRate: () => 0.6 }))).toBeLessThanOrEqual(12 * 15);
    const late = firstSeen(world({ canaryRate: (s) => (s < 600 ? 0.01 : 1) }));
    expect(late).toBeGreaterThan(600);
    expect(late).toBeLessThanOrEqual(600 + 6 * 15);
  });

  it('follows counters through a restart of the Envoy', () => {
    const restartMs = FIRST_MS + 70_000;
    const from = (one: CounterSeries): CounterSeries => {
      const base = one.points.findLast(([tMs]) => tMs < restartMs)?.[1] ?? 0;
      return {
        ...one,
        points: one.points.map(([tMs, value]) => [tMs, tMs < restartMs ? value : value - base] as const),
      };
    };
    expect(firstSeen(world(), { series: (all) => all.map(from) })).toBeLessThanOrEqual(9 * 15);
  });

  it('needs no more scrapes the longer it waits', () => {
    for (let second = 0; second < 36_000; second += 7) {
      const nowMs = FIRST_MS + second * 1_000;
      const fromMs = crashFromMs({ committedAtMs: FIRST_MS, nowMs, scrapeMs: SCRAPE_MS });
      expect(nowMs - fromMs).toBeLessThanOrEqual(23 * SCRAPE_MS);
    }
  });

  it('sees a crash late in a step that waits for hours, by a stricter bound', () => {
    const long = world({ scrapes: HISTORY + 600, rps: 30, canaryRate: (s) => (s < 8_000 ? 0.01 : 1) });
    expect(firstSeen(long, {}, 7_995)).toBeNull();
    const looks = Array.from({ length: 16 }, (_, i) => 7_995 + i * 15);
    expect(looks.find((second) => seenAt(long, second) !== null)).toBeGreaterThan(8_000);
  });
});
