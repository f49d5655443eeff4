import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../src/core/analysis/judge.ts';
import {
  addPoint,
  addRecent,
  lateSince,
  MAX_RECENT_BYTES,
  type SeriesPoint,
  seriesPoint,
  VerdictSeries,
} from '../../../src/core/analysis/verdict-series.ts';

const verdict = (fields: Partial<Verdict> = {}): Verdict => ({
  ...{
    metric: 'error-rate',
    verdict: 'pass',
    reason: 'OK',
    detail: 'all is well',
    value: 0.012345678,
    baseline: 0.001,
  },
  ...{ limit: { min: null, max: null }, requests: 1_234, baselineRequests: 9_876 },
  ratio: { low: 1.23456, high: null },
  evidence: { e: 12.34567, limit: 100 },
  ...fields,
});
const at = (atMs: number) => ({ atMs, step: 1, weight: 500 });

describe('a point', () => {
  it('is short, and keeps what one needs to know', () => {
    expect(seriesPoint({ verdicts: [verdict()], decision: 'advance' }, at(7))).toEqual({
      ...{ atMs: 7, step: 1, weight: 500, decision: 'advance', missing: null },
      metrics: [
        {
          ...{ metric: 'error-rate', value: 0.01235, baseline: 0.001, requests: 1_234 },
          ...{ ratio: { low: 1.235, high: null, point: null }, evidence: { e: 12.35, limit: 100 } },
        },
      ],
    });
  });

  it('keeps the ratio that was seen, and how much came too late', () => {
    const seen = verdict({ ratio: { low: 1, high: 9, point: 3.333333 } });
    const point = seriesPoint({ verdicts: [seen], decision: 'hold', late: 2 }, at(7));
    expect([point.metrics[0]?.ratio, point.late]).toEqual([{ low: 1, high: 9, point: 3.333 }, 2]);
    expect(VerdictSeries.parse({ points: [point] })).toEqual({ points: [point] });
    const { ratio, ...older } = { ...point.metrics[0], ratio: { low: 1, high: null } };
    const read = { points: [{ ...point, metrics: [{ ...older, ratio }] }] };
    expect(VerdictSeries.parse(read)).toEqual(read);
  });

  it('keeps the score of a judge that gives one, and how it classified each metric', () => {
    const kayenta = verdict({ metric: 'kayenta', score: { value: 50, classification: 'Fail' } });
    const high = verdict({ classification: 'High', critical: true });
    const point = seriesPoint({ verdicts: [kayenta, high], decision: 'rollback' }, at(7));
    expect(point.metrics).toMatchObject([
      { metric: 'kayenta', score: { value: 50, classification: 'Fail' } },
      { metric: 'error-rate', classification: 'High', critical: true },
    ]);
    expect(VerdictSeries.parse({ points: [point] })).toEqual({ points: [point] });
  });

  it('says that it left words out', () => {
    const lacking = verdict({ verdict: 'inconclusive', reason: 'LOW_POWER', detail: 'x'.repeat(200) });
    const { missing } = seriesPoint({ verdicts: [lacking], decision: 'hold' }, at(7));
    expect([missing?.length, missing?.slice(0, 24), missing?.at(-1)]).toEqual([100, 'error-rate LOW_POWER: xx', '…']);
    const half = verdict({ verdict: 'inconclusive', detail: `${'x'.repeat(82)}😀${'x'.repeat(99)}` });
    const broken = seriesPoint({ verdicts: [half], decision: 'hold' }, at(7)).missing;
    expect([broken?.at(-1), /[\uD800-\uDBFF](?![\uDC00-\uDFFF])/.test(broken ?? '')]).toEqual(['…', false]);
  });

  it('of several backends leaves none out: the metrics of each have their room', () => {
    const verdicts = ['shop', 'cart', 'pay', 'mail'].flatMap((backend) =>
      ['a', 'b', 'c', 'd', 'e'].map((name) => verdict({ metric: `${name} (${backend})`, backend })),
    );
    const { metrics } = seriesPoint({ verdicts, decision: 'advance' }, at(7));
    expect(metrics).toHaveLength(16);
    for (const backend of ['shop', 'cart', 'pay', 'mail']) {
      expect(metrics.filter(({ metric }) => metric.endsWith(`(${backend})`))).toHaveLength(4);
    }
  });

  it('says what is missing', () => {
    const open = verdict({ verdict: 'inconclusive', reason: 'LOW_POWER', detail: 'more requests' });
    expect(seriesPoint({ verdicts: [verdict(), open], decision: 'hold' }, at(7)).missing).toBe(
      'error-rate LOW_POWER: more requests',
    );
  });
});

it('what came too late is counted once, whoever looks next', () => {
  const look = (late?: number) =>
    seriesPoint({ verdicts: [], decision: 'hold', ...(late === undefined ? {} : { late }) }, at(7));
  expect(lateSince([], look(2))).toBe(2);
  expect(lateSince([look(), look(2)], look(5))).toBe(3);
  // A judge that begins anew begins to count anew.
  expect(lateSince([look(5)], look())).toBe(0);
  expect(lateSince([look(5)], null)).toBe(0);
});

it('a series keeps its beginning and what is new, and never grows beyond its bound', () => {
  const looks = Array.from({ length: 5_000 }, (_, i) => i);
  const metrics = Array.from({ length: 4 }, (_, i) =>
    verdict({ metric: `metric number ${i}`, detail: 'x'.repeat(900) }),
  );
  const points = looks.reduce<readonly SeriesPoint[]>(
    (all, i) => addPoint(all, seriesPoint({ verdicts: metrics, decision: 'hold' }, at(1_700_000_000_000 + i))),
    [],
  );
  const times = points.map(({ atMs }) => atMs - 1_700_000_000_000);
  expect(times[0]).toBe(0);
  expect(times.slice(-16)).toEqual(looks.slice(-16));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(points.length).toBeLessThanOrEqual(48);
  const body = JSON.parse(JSON.stringify({ points }));
  expect(JSON.stringify(body).length).toBeLessThan(48 * 1_024);
  expect(VerdictSeries.parse(body)).toEqual({ points });
});

describe('the latest looks', () => {
  const look = (atMs: number, metrics = 1): SeriesPoint => {
    const verdicts = Array.from({ length: metrics }, (_, i) =>
      verdict({ metric: `metric number ${i} ${'x'.repeat(40)}` }),
    );
    return seriesPoint({ verdicts, decision: 'hold' }, at(atMs));
  };

  it('are gathered, and join the series together: none is lost, none comes twice, all stay in order', () => {
    const looks = Array.from({ length: 100 }, (_, i) => look(i));
    const [series, writes] = [[] as SeriesPoint[], [] as number[]];
    const recent = looks.reduce<readonly SeriesPoint[]>((before, one) => {
      const next = addRecent(before, one);
      if (next.done.length > 0) writes.push(one.atMs);
      series.push(...next.done);
      return next.recent;
    }, []);
    expect([...series, ...recent]).toEqual(looks);
    expect(writes.length).toBeLessThanOrEqual(100 / 7);
  });

  it('never take more room than they may, however many metrics there are', () => {
    let recent: readonly SeriesPoint[] = [];
    for (let i = 0; i < 100; i += 1) {
      ({ recent } = addRecent(recent, look(i, 1 + (i % 8))));
      expect(JSON.stringify(recent).length).toBeLessThanOrEqual(MAX_RECENT_BYTES);
    }
  });

  it('one that is too large alone joins the series at once, behind those before it', () => {
    const large = { ...look(3), missing: '€'.repeat(MAX_RECENT_BYTES / 2) };
    expect(addRecent([look(1), look(2)], large)).toEqual({ recent: [], done: [look(1), look(2), large] });
  });
});
