import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distinctSeries, increments } from '../../../src/core/analysis/increments.ts';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import { LIVE_AT, series } from './series.ts';

/** Growth by label, summed over everything else. */
function grown(input: readonly CounterSeries[], fromMs = LIVE_AT): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const { family, label, value } of increments(input, fromMs)) {
    const key = family === 'upstream_rq_completed' ? 'completed' : label;
    totals[key] = (totals[key] ?? 0) + value;
  }
  return totals;
}

describe('increments', () => {
  it('takes the first sample at or after the live moment as the base', () => {
    const one = series('upstream_rq_xx', '2', [
      [-1, 10],
      [0, 100],
      [5, 130],
    ]);
    expect(grown([one])).toEqual({ '2': 30 });
  });

  it('counts a class in full that appears on a cluster already seen', () => {
    const completed = series('upstream_rq_completed', '', [
      [1, 7],
      [2, 27],
    ]);
    const errors = series('upstream_rq_xx', '5', [[2, 20]]);
    expect(grown([completed, errors])).toEqual({ completed: 20, '5': 20 });
  });

  it('counts a cluster in full that appears on a proxy already seen', () => {
    const stable = series(
      'upstream_rq_completed',
      '',
      [
        [1, 7],
        [2, 7],
      ],
      { cluster: 'stable' },
    );
    const canary = series('upstream_rq_xx', '2', [
      [2, 4],
      [3, 6],
    ]);
    expect(grown([stable, canary])).toEqual({ completed: 0, '2': 6 });
  });

  it('counts a cluster in full that was gone and came back', () => {
    const stable = [
      series(
        'upstream_rq_completed',
        '',
        [
          [1, 7],
          [2, 7],
          [3, 7],
        ],
        { cluster: 'stable' },
      ),
    ];
    const canary = [
      series('upstream_rq_completed', '', [
        [1, 10],
        [3, 25],
      ]),
      series('upstream_rq_xx', '2', [
        [1, 10],
        [3, 25],
      ]),
    ];
    expect(grown([...stable, ...canary])).toEqual({ completed: 25, '2': 25 });
  });

  it('only takes the base of a proxy that first appears later', () => {
    const known = series('upstream_rq_xx', '2', [
      [1, 0],
      [2, 5],
    ]);
    const fresh = series(
      'upstream_rq_xx',
      '2',
      [
        [2, 900],
        [3, 903],
      ],
      { proxy: 'p2' },
    );
    expect(grown([known, fresh])).toEqual({ '2': 8 });
  });

  it('takes present values after a restart, also of classes that came back higher or not at all', () => {
    const input = [
      series('upstream_rq_completed', '', [
        [1, 100],
        [2, 110],
        [3, 9],
      ]),
      series('upstream_rq_xx', '2', [
        [1, 98],
        [2, 107],
      ]),
      series('upstream_rq_xx', '5', [
        [1, 2],
        [2, 3],
        [3, 9],
      ]),
    ];
    expect(grown(input)).toEqual({ completed: 10 + 9, '2': 9, '5': 1 + 9 });
  });

  it('leaves out the pair in which a cluster was changed: classes restart, completed does not', () => {
    const input = [
      series('upstream_rq_completed', '', [
        [1, 42],
        [2, 52],
        [3, 60],
      ]),
      series('upstream_rq_xx', '2', [
        [1, 30],
        [2, 4],
        [3, 10],
      ]),
      series('upstream_rq_xx', '5', [
        [1, 12],
        [3, 2],
      ]),
    ];
    expect(grown(input)).toEqual({ completed: 8, '2': 6, '5': 2 });
  });

  it('sees a restart by another cluster of the proxy', () => {
    const input = [
      series(
        'upstream_rq_completed',
        '',
        [
          [1, 500],
          [2, 3],
        ],
        { cluster: 'stable' },
      ),
      series('upstream_rq_completed', '', [
        [1, 5],
        [2, 8],
      ]),
      series('upstream_rq_xx', '2', [
        [1, 5],
        [2, 2],
      ]),
      series('upstream_rq_xx', '5', [[2, 6]]),
    ];
    expect(grown(input)).toEqual({ completed: 3 + 3, '2': 2, '5': 6 });
  });

  it('does not read gauges', () => {
    expect(
      increments(
        [
          series('membership_healthy', '', [
            [1, 0],
            [2, 2],
          ]),
        ],
        LIVE_AT,
      ),
    ).toEqual([]);
  });
});

const requests = fc.record({ good: fc.nat(20), bad: fc.nat(5) });
const scrape = fc.record({ traffic: requests, scraped: fc.boolean(), restart: fc.constant(false) });
const restless = fc.record({ traffic: requests, scraped: fc.boolean(), restart: fc.boolean() });
type Tick = { traffic: { good: number; bad: number }; scraped: boolean; restart: boolean };

/** Plays one proxy as Envoy would: class series appear at their first event, a restart empties everything. */
function play(
  proxy: string,
  ticks: readonly Tick[],
): { series: CounterSeries[]; truth: { good: number; bad: number } } {
  const points: Record<'all' | 'good' | 'bad', [number, number][]> = { all: [], good: [], bad: [] };
  const count = { good: 0, bad: 0 };
  const since = { good: 0, bad: 0 };
  const truth = { good: 0, bad: 0 };
  let seen = false;
  ticks.forEach(({ traffic, scraped, restart }, i) => {
    if (restart) Object.assign(count, { good: 0, bad: 0 });
    for (const kind of ['good', 'bad'] as const) {
      count[kind] += traffic[kind];
      if (seen) since[kind] += traffic[kind];
    }
    if (!scraped) return;
    const tMs = LIVE_AT + i * 1_000;
    points.all.push([tMs, count.good + count.bad]);
    for (const kind of ['good', 'bad'] as const) if (count[kind] > 0) points[kind].push([tMs, count[kind]]);
    if (seen) Object.assign(truth, since);
    seen = true;
  });
  const named = (family: CounterSeries['family'], label: string, kind: 'all' | 'good' | 'bad'): CounterSeries[] =>
    points[kind].length === 0 ? [] : [{ proxy, cluster: 'canary', family, label, points: points[kind] }];
  return {
    series: [
      ...named('upstream_rq_completed', '', 'all'),
      ...named('upstream_rq_xx', '2', 'good'),
      ...named('upstream_rq_xx', '5', 'bad'),
    ],
    truth,
  };
}

describe('increments, whatever happens', () => {
  it('are exact over all proxies while scrapes get lost', () => {
    fc.assert(
      fc.property(fc.array(fc.array(scrape, { maxLength: 20 }), { minLength: 1, maxLength: 4 }), (fleet) => {
        const played = fleet.map((ticks, i) => play(`p${i}`, ticks));
        const total = grown(played.flatMap((one) => one.series));
        expect(total['2'] ?? 0).toBe(played.reduce((sum, { truth }) => sum + truth.good, 0));
        expect(total['5'] ?? 0).toBe(played.reduce((sum, { truth }) => sum + truth.bad, 0));
      }),
    );
  });

  it('are never more than the truth and never negative while proxies also restart', () => {
    fc.assert(
      fc.property(fc.array(restless, { maxLength: 30 }), (ticks) => {
        const { series: played, truth } = play('p1', ticks);
        const total = grown(played);
        expect(total['2'] ?? 0).toBeGreaterThanOrEqual(0);
        expect(total['5'] ?? 0).toBeGreaterThanOrEqual(0);
        expect(total['2'] ?? 0).toBeLessThanOrEqual(truth.good);
        expect(total['5'] ?? 0).toBeLessThanOrEqual(truth.bad);
      }),
      { numRuns: 500 },
    );
  });

  it('are exact across restarts that follow a scrape at once and show in `completed`', () => {
    fc.assert(
      fc.property(fc.array(requests, { minLength: 2, maxLength: 20 }), (rounds) => {
        // Each round answers one request less than the one before it, so every restart is visible.
        const ticks = rounds.map(({ bad }, i): Tick => {
          const all = 100 - i;
          return { traffic: { good: all - bad, bad }, scraped: true, restart: true };
        });
        const { series: played, truth } = play('p1', ticks);
        expect(grown(played)).toMatchObject({ '2': truth.good });
        expect(grown(played)['5'] ?? 0).toBe(truth.bad);
      }),
    );
  });
});

describe('distinctSeries', () => {
  const short = series('upstream_rq_xx', '2', [
    [1, 1],
    [2, 5],
  ]);
  const long = series('upstream_rq_xx', '2', [
    [1, 1],
    [2, 5],
    [3, 9],
  ]);

  it('keeps the longer one of two copies', () => {
    expect(distinctSeries([short, long])).toEqual([long]);
    expect(distinctSeries([long, short])).toEqual([long]);
  });

  it('refuses two targets under one name', () => {
    expect(
      distinctSeries([
        short,
        series('upstream_rq_xx', '2', [
          [1, 2],
          [2, 5],
        ]),
      ]),
    ).toBeNull();
    expect(distinctSeries([short, series('upstream_rq_xx', '2', [[1.5, 1]])])).toBeNull();
  });
});
