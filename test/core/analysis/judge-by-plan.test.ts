import { describe, expect, it } from 'vitest';
import type { CounterSeries, JudgeInput, JudgeState } from '../../../src/core/analysis/judge.ts';
import { judgeByPlan } from '../../../src/core/analysis/judge-by-plan.ts';
import { FIRST_MS, HISTORY, play, SCRAPE_MS } from './played-counters.ts';

const BAKE = { stableUntilMs: FIRST_MS, liveAtMs: FIRST_MS + 200, forMs: 60 * SCRAPE_MS };
const NOW_MS = FIRST_MS + 120_000;
const LATE_MS = NOW_MS - 45_000;
const all = play({
  ...{ rps: 40, proxies: 2, stableRate: 0.005, canaryRate: () => 0.005, scrapes: HISTORY + 20 },
  share: (ms) => (ms < FIRST_MS ? 0 : 1),
});
/** What Prometheus has at that moment: of one Envoy nothing since a while, or all of it. */
const seen = (isLate: boolean): readonly CounterSeries[] =>
  all.map((one) => ({
    ...one,
    points: one.points.filter(([t]) => t <= NOW_MS && (!isLate || one.proxy !== 'p1' || t < LATE_MS)),
  }));

const gap = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'connection refused' } as const;

function look(counters: JudgeInput['counters'], state: JudgeState | null, fields: Partial<JudgeInput> = {}) {
  return judgeByPlan.assess({
    analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null }],
    judge: { name: 'sequential' },
    arms: { stable: 'stable', canary: 'canary' },
    ...{ liveAtMs: BAKE.liveAtMs, nowMs: NOW_MS, scrapeMs: SCRAPE_MS, counters, state },
    ...{ queries: new Map(), proxies: ['p0', 'p1'], bake: BAKE },
    ...fields,
  });
}

describe('scrapes that come after their cell was judged', () => {
  const series = (isLate: boolean) => ({ kind: 'ok', series: seen(isLate) }) as const;
  const early = look(series(true), null);
  const late = look(series(false), early.state);

  it('are counted in a bake as in a step', () => {
    expect([early.late, late.late]).toEqual([0, 1]);
  });

  it('stay counted where Prometheus is away', () => {
    expect(look(gap, late.state).late).toBe(1);
  });

  it('stay counted where the limits of the plan hold, since stable has shown too little', () => {
    expect(look(series(false), { ...late.state, baseline: false }).late).toBe(1);
  });

  it('are those of the steps and of the bake together', () => {
    const steps: JudgeState = { judgedIndex: 1, sample: 64, late: 5, state: { ticks: 9 } };
    const first = look(series(true), steps);
    expect([first.late, look(series(false), first.state).late]).toEqual([5, 6]);
  });
});
