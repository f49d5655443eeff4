import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  CounterSeries,
  EvidenceGap,
  JudgeInput,
  ScalarResult,
  Verdict,
} from '../../../src/core/analysis/judge.ts';
import { baselineOf } from '../../../src/core/analysis/judge.ts';
import { thresholdJudge } from '../../../src/core/analysis/threshold-judge.ts';
import type { AnalysisSpec } from '../../../src/core/model/analysis-spec.ts';
import { arm, errorRate, judgeInput, LIVE_AT, series } from './series.ts';

const assess = (counters: readonly CounterSeries[], fields: Partial<JudgeInput> = {}) =>
  thresholdJudge.assess(judgeInput(counters, fields));

function only(counters: readonly CounterSeries[], fields: Partial<JudgeInput> = {}): Verdict {
  const [verdict] = assess(counters, fields).verdicts;
  if (verdict === undefined) throw new Error('no verdict');
  return verdict;
}

describe('error-rate', () => {
  it('passes at the limit and fails above it', () => {
    const stable = arm('stable', 1_000, 1);
    expect(only([...arm('canary', 300, 3), ...stable])).toMatchObject({
      verdict: 'pass',
      reason: 'OK',
      value: 0.01,
      baseline: 0.001,
      requests: 300,
      baselineRequests: 1_000,
      limit: { min: null, max: 0.01 },
    });
    expect(only([...arm('canary', 300, 4), ...stable])).toMatchObject({ verdict: 'fail', reason: 'OVER_LIMIT' });
  });

  it('counts 4xx as good, unless the plan counts them', () => {
    const limited = [series('upstream_rq_xx', '4', [[9, 50]]), series('upstream_rq', '429', [[9, 40]])];
    const all = [...arm('canary', 300, 1), ...limited];
    expect(only(all)).toMatchObject({ value: 1 / 350 });
    const count = (codes: readonly string[]) => only(all, { analysis: [{ ...errorRate, count: codes }] });
    expect(count(['5xx', '429'])).toMatchObject({ verdict: 'fail', value: 41 / 350 });
    expect(count(['4xx', '429'])).toMatchObject({ value: 50 / 350 });
  });

  it('F15: holds while too few requests were seen, good or not so good', () => {
    expect(only(arm('canary', 199, 0))).toMatchObject({ verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS' });
    // 2 of 10 is 20 %, but 2 of 200 would still pass.
    expect(only(arm('canary', 10, 2))).toMatchObject({ reason: 'TOO_FEW_REQUESTS', value: 0.2, requests: 10 });
  });

  it('fails early once even 200 requests could not pass any more', () => {
    expect(only(arm('canary', 10, 3))).toMatchObject({ verdict: 'fail', reason: 'OVER_LIMIT', value: 0.3 });
  });

  it('is compared with stable where the plan says so', () => {
    const spec = { ...errorRate, max: 1, relative: { factor: 2, offset: 0.01 } };
    const against = (bad: number, stable: readonly CounterSeries[]) =>
      only([...arm('canary', 200, bad), ...stable], { analysis: [spec] });
    expect(against(6, arm('stable', 400, 4))).toMatchObject({ verdict: 'pass', value: 0.03, baseline: 0.01 });
    expect(against(7, arm('stable', 400, 4))).toMatchObject({ verdict: 'fail', reason: 'OVER_LIMIT' });
    expect(against(7, arm('stable', 199, 0))).toMatchObject({ verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS' });
    expect(against(7, [])).toMatchObject({ verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS' });
    expect(against(2, arm('stable', 400, 0))).toMatchObject({ verdict: 'pass' });
  });

  it('does not count 4xx as failures', () => {
    const client = [...arm('canary', 300, 0), series('upstream_rq_xx', '4', [[9, 300]])];
    expect(only(client)).toMatchObject({ verdict: 'pass', requests: 600, value: 0 });
  });

  it('holds when stable is over the limit as well', () => {
    const both = [...arm('canary', 300, 30), ...arm('stable', 300, 20)];
    expect(only(both)).toMatchObject({ verdict: 'inconclusive', reason: 'SHARED_INCIDENT' });
    expect(assess(both).decision).toBe('hold');
  });

  it('is no shared incident when stable is just at the limit', () => {
    expect(only([...arm('canary', 300, 6), ...arm('stable', 300, 3)])).toMatchObject({
      verdict: 'fail',
      baseline: 0.01,
    });
  });

  it('blames the canary that is more than twice as bad as a stable in trouble', () => {
    expect(only([...arm('canary', 300, 40), ...arm('stable', 300, 20)])).toMatchObject({ reason: 'SHARED_INCIDENT' });
    expect(only([...arm('canary', 300, 41), ...arm('stable', 300, 20)])).toMatchObject({ verdict: 'fail' });
  });

  it('believes no incident of a stable arm that saw fewer requests than the canary', () => {
    expect(only([...arm('canary', 150, 30), ...arm('stable', 149, 20)])).toMatchObject({ verdict: 'fail' });
    expect(only([...arm('canary', 150, 30), ...arm('stable', 150, 20)])).toMatchObject({ reason: 'SHARED_INCIDENT' });
    expect(only([...arm('canary', 500, 60), ...arm('stable', 200, 20)])).toMatchObject({ reason: 'SHARED_INCIDENT' });
    expect(only([...arm('canary', 500, 60), ...arm('stable', 199, 20)])).toMatchObject({ verdict: 'fail' });
  });

  it('has no baseline in a first deployment', () => {
    const alone = { arms: { stable: '', canary: 'canary' } };
    expect(only(arm('canary', 300, 0), alone)).toMatchObject({
      verdict: 'pass',
      baseline: null,
      baselineRequests: null,
    });
    expect(only(arm('canary', 300, 9), alone)).toMatchObject({ verdict: 'fail' });
  });

  it('says in one sentence what it saw', () => {
    expect(only([...arm('canary', 400, 6), ...arm('stable', 1_000, 1)]).detail).toBe(
      '6 of 400 requests failed (1.5 %, limit 1 %, stable 0.1 % of 1000)',
    );
  });
});

const latency: AnalysisSpec = { kind: 'latency', name: 'latency', objectiveMs: 200, max: 0.05, minRequests: 100 };

function histogram(counts: Readonly<Record<string, number>>, proxy = 'p1', cluster = 'canary'): CounterSeries[] {
  const at = { proxy, cluster };
  return [
    series(
      'upstream_rq_completed',
      '',
      [
        [1, 0],
        [9, 1],
      ],
      at,
    ),
    series(
      'upstream_rq_timeout',
      '',
      [
        [1, 0],
        [9, counts.timeouts ?? 0],
      ],
      at,
    ),
    ...Object.entries(counts)
      .filter(([le]) => le !== 'timeouts')
      .map(([le, count]) => series('upstream_rq_time_bucket', le, [[9, count]], at)),
  ];
}

describe('latency', () => {
  const judged = (counters: readonly CounterSeries[], spec = latency) => only(counters, { analysis: [spec] });

  it('counts requests above the smallest edge at or over the objective', () => {
    const fast = histogram({ '100': 10, '250': 96, '500': 100, '+Inf': 100 });
    expect(judged(fast)).toMatchObject({ verdict: 'pass', value: 0.04, requests: 100 });
    const slow = histogram({ '100.0': 90, '250.0': 94, '500.0': 100, '+Inf': 100 });
    expect(judged(slow)).toMatchObject({ verdict: 'fail', value: 0.06, reason: 'OVER_LIMIT' });
    expect(judged(slow).detail).toContain('took over 250ms or timed out');
  });

  it('takes the edge that equals the objective', () => {
    const counters = histogram({ '100': 100, '250': 100, '+Inf': 100 });
    expect(judged(counters, { ...latency, objectiveMs: 100 }).detail).toContain('took over 100ms or timed out');
  });

  it('never counts below zero when a restart left bucket and total apart', () => {
    expect(judged(histogram({ '250': 120, '+Inf': 110 }))).toMatchObject({ verdict: 'pass', value: 0, requests: 110 });
  });

  it('adds timeouts, which never reach the histogram', () => {
    expect(judged(histogram({ timeouts: 10, '250': 90, '+Inf': 90 }))).toMatchObject({
      verdict: 'fail',
      value: 0.1,
      requests: 100,
    });
    expect(judged(histogram({ timeouts: 6 }))).toMatchObject({ verdict: 'fail', value: 1, requests: 6 });
  });

  it('sums over proxies and compares with stable', () => {
    const fleet = [
      ...histogram({ '250': 95, '+Inf': 100 }),
      ...histogram({ '250': 95, '+Inf': 100 }, 'p2'),
      ...histogram({ '250': 99, '+Inf': 100 }, 'p2', 'stable'),
    ];
    expect(judged(fleet)).toMatchObject({ verdict: 'pass', value: 0.05, baseline: 0.01, requests: 200 });
  });

  it('cannot judge an objective beyond the last edge', () => {
    const wide = { ...latency, objectiveMs: 4_000_000 };
    const fast = histogram({ '250': 100, '3600000': 100, '+Inf': 100 });
    expect(judged(fast, wide)).toMatchObject({ verdict: 'inconclusive', reason: 'NO_DATA' });
  });

  it('waits for the first request', () => {
    expect(judged(histogram({}))).toMatchObject({ reason: 'TOO_FEW_REQUESTS', value: null, requests: 0 });
  });
});

const query: AnalysisSpec = { kind: 'query', name: 'declined', query: 'q', windowMs: 60_000, min: 1, max: 5 };

describe('query', () => {
  const at = (value: number, fields: Partial<JudgeInput> = {}) => {
    const nowMs = fields.nowMs ?? LIVE_AT + 60_000;
    const answer: ScalarResult = { kind: 'ok', value, atMs: nowMs };
    return only([], { analysis: [query], queries: new Map([['declined', answer]]), nowMs, ...fields });
  };

  it.each([
    [1, 'pass', 'OK'],
    [5, 'pass', 'OK'],
    [5.01, 'fail', 'OVER_LIMIT'],
    [0.99, 'fail', 'UNDER_LIMIT'],
    [Number.NaN, 'inconclusive', 'NOT_FINITE'],
    [Number.POSITIVE_INFINITY, 'inconclusive', 'NOT_FINITE'],
  ])('%d is %s (%s)', (value, verdict, reason) => {
    expect(at(value)).toMatchObject({ verdict, reason, limit: { min: 1, max: 5 }, requests: null });
  });

  it('neither passes nor fails before a whole window lies in the step', () => {
    const nowMs = LIVE_AT + 59_999;
    expect(at(3, { nowMs })).toMatchObject({ verdict: 'inconclusive', reason: 'WARMING_UP' });
    expect(at(99, { nowMs })).toMatchObject({ verdict: 'inconclusive', reason: 'WARMING_UP' });
  });

  it('believes no old answer, no gap and no missing answer', () => {
    const ask = (answer: ScalarResult | null) =>
      only([], {
        analysis: [query],
        nowMs: LIVE_AT + 100_000,
        queries: new Map(answer === null ? [] : [['declined', answer]]),
      });
    expect(ask({ kind: 'ok', value: 3, atMs: LIVE_AT + 60_000 })).toMatchObject({ reason: 'STALE' });
    expect(ask({ kind: 'gap', gap: 'WARNINGS', detail: 'partial' })).toMatchObject({
      verdict: 'inconclusive',
      reason: 'WARNINGS',
      detail: 'partial',
    });
    expect(ask(null)).toMatchObject({ verdict: 'inconclusive', reason: 'NO_DATA' });
  });

  it('is compared with stable where the plan says so', () => {
    const spec = { ...query, min: null, max: null, relative: { factor: 2, offset: 1 } };
    const nowMs = LIVE_AT + 100_000;
    const against = (value: number, base: ScalarResult | null) => {
      const answers: [string, ScalarResult][] = [['declined', { kind: 'ok', value, atMs: nowMs }]];
      if (base !== null) answers.push([baselineOf('declined'), base]);
      return only([], { analysis: [spec], nowMs, queries: new Map(answers) });
    };
    const base = (value: number, atMs = nowMs): ScalarResult => ({ kind: 'ok', value, atMs });
    expect(against(5, base(2))).toMatchObject({ verdict: 'pass', value: 5, baseline: 2 });
    expect(against(5.1, base(2))).toMatchObject({ verdict: 'fail', reason: 'OVER_LIMIT' });
    expect(against(5, null)).toMatchObject({ verdict: 'inconclusive', reason: 'NO_DATA' });
    expect(against(5, base(Number.NaN))).toMatchObject({ verdict: 'inconclusive', reason: 'NO_DATA' });
    expect(against(5, base(2, nowMs - 60_000))).toMatchObject({ verdict: 'inconclusive', reason: 'STALE' });
    const gap = { kind: 'gap', gap: 'AMBIGUOUS_RESULT', detail: 'two series' } as const;
    expect(against(5, gap)).toMatchObject({ reason: 'AMBIGUOUS_RESULT', detail: 'stable: two series' });
  });

  it('needs no counters', () => {
    const gap = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'x' } as const;
    expect(at(3, { counters: gap })).toMatchObject({ verdict: 'pass' });
  });
});

describe('missing evidence', () => {
  const good = arm('canary', 300, 0);

  it('F11: takes a gap of the source as it is', () => {
    const counters = { kind: 'gap', gap: 'SOURCE_TIMEOUT', detail: 'no answer within 5 s' } as const;
    expect(only([], { counters })).toMatchObject({
      verdict: 'inconclusive',
      reason: 'SOURCE_TIMEOUT',
      detail: 'no answer within 5 s',
      limit: { min: null, max: 0.01 },
    });
  });

  it('expects silence until two scrapes have passed, and no longer', () => {
    const counters = { kind: 'gap', gap: 'NO_DATA', detail: 'nothing' } as const;
    expect(only([], { nowMs: LIVE_AT + 1_999 })).toMatchObject({ reason: 'WARMING_UP' });
    expect(only([], { nowMs: LIVE_AT + 1_999, counters })).toMatchObject({ reason: 'WARMING_UP' });
    expect(only([], { nowMs: LIVE_AT + 2_000 })).toMatchObject({ reason: 'NO_DATA' });
    expect(only([], { nowMs: LIVE_AT + 2_000, counters })).toMatchObject({ reason: 'NO_DATA' });
  });

  it('does not call an outage warm-up', () => {
    const counters = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'gone' } as const;
    expect(only([], { nowMs: LIVE_AT + 1, counters })).toMatchObject({ reason: 'SOURCE_DOWN' });
  });

  it('does not count samples from before the step', () => {
    expect(only(good, { liveAtMs: LIVE_AT + 9_500 })).toMatchObject({ verdict: 'inconclusive', reason: 'WARMING_UP' });
  });

  it('F14: is stale when the newest sample is too old for the scrape interval', () => {
    const ageMs = (nowMs: number, scrapeMs: number) =>
      only(good, { nowMs: LIVE_AT + 9_000 + nowMs, scrapeMs }).verdict === 'pass';
    expect([ageMs(30_000, 1_000), ageMs(30_001, 1_000)]).toEqual([true, false]);
    expect([ageMs(60_000, 15_000), ageMs(60_001, 15_000)]).toEqual([true, false]);
    expect(only(good, { nowMs: LIVE_AT + 9_000 + 30_001 })).toMatchObject({ reason: 'STALE' });
  });

  it('holds when fewer than nine of ten counted Envoys are seen', () => {
    const nine = Array.from({ length: 9 }, (_, i) => `p${i}`);
    const seen = nine.flatMap((proxy) => arm('canary', 30, 0, proxy));
    expect(only(seen, { proxies: [...nine, 'p9'] })).toMatchObject({ verdict: 'pass' });
    expect(only(seen, { proxies: [...nine, 'p9', 'p10'] })).toMatchObject({ reason: 'COVERAGE', requests: 270 });
    expect(only(seen, { proxies: [...nine, null, null] }).detail).toContain('of 2 the name in Prometheus is unknown');
    expect(only(good, { proxies: [] })).toMatchObject({ reason: 'COVERAGE' });
  });

  it('does not count an Envoy as seen whose scrapes stopped', () => {
    const gone = [series('upstream_rq_completed', '', [[1, 0]], { proxy: 'p2' })];
    const nowMs = LIVE_AT + 9_000 + 25_000;
    expect(only([...good, ...gone], { proxies: ['p1', 'p2'], nowMs })).toMatchObject({ reason: 'COVERAGE' });
  });

  it('lets a canary fail that fails on the Envoys that are seen', () => {
    expect(only(arm('canary', 300, 9), { proxies: ['p1', 'p2'] })).toMatchObject({ verdict: 'fail' });
  });

  it('refuses numbers that are none', () => {
    expect(only([...good, series('upstream_rq_xx', '5', [[9, Number.NaN]])])).toMatchObject({ reason: 'NOT_FINITE' });
  });

  it('refuses two targets under one name', () => {
    const other = [series('upstream_rq_completed', '', [[1.2, 3]])];
    expect(only([...good, ...other])).toMatchObject({ reason: 'AMBIGUOUS_RESULT' });
  });
});

describe('decision', () => {
  const pass = arm('canary', 300, 0);

  it('advances when there is nothing to judge', () => {
    expect(assess([], { analysis: [] })).toEqual({ verdicts: [], decision: 'advance', state: null });
  });

  it('advances only when all pass, rolls back when any fails, and holds else', () => {
    const analysis = [errorRate, query];
    const nowMs = LIVE_AT + 20_000;
    expect(assess(pass, { analysis, nowMs }).decision).toBe('hold');
    expect(assess(arm('canary', 300, 9), { analysis, nowMs }).decision).toBe('rollback');
    expect(assess(pass, { nowMs }).decision).toBe('advance');
  });

  it('is never moved by a gap', () => {
    const gaps: EvidenceGap[] = ['SOURCE_DOWN', 'SOURCE_TIMEOUT', 'BAD_ANSWER', 'NO_DATA', 'STALE', 'WARNINGS'];
    fc.assert(
      fc.property(fc.constantFrom(...gaps), fc.nat(1_000_000), (gap, afterMs) => {
        const counters = { kind: 'gap', gap, detail: 'x' } as const;
        const queries = new Map([['declined', counters]]);
        const outcome = assess([], { analysis: [errorRate, query], counters, queries, nowMs: LIVE_AT + afterMs });
        expect(outcome.decision).toBe('hold');
        expect(outcome.verdicts.every(({ verdict }) => verdict === 'inconclusive')).toBe(true);
      }),
    );
  });

  it('fails early exactly when even good requests could not bring the canary back', () => {
    const share = { max: fc.double({ min: 0, max: 1, noNaN: true }), minRequests: fc.integer({ min: 1, max: 300 }) };
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.record(share), (requests, part, limits) => {
        const bad = Math.min(requests, part);
        const spec = { ...errorRate, ...limits };
        const { verdict } = only(arm('canary', requests, bad), { analysis: [spec] });
        const missing = Math.max(0, spec.minRequests - requests);
        const recovered = only(arm('canary', requests + missing, bad), { analysis: [spec] }).verdict;
        expect(verdict === 'fail').toBe(recovered === 'fail');
        if (missing > 0) expect(verdict).not.toBe('pass');
      }),
    );
  });
});
