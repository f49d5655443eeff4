import { describe, expect, it } from 'vitest';
import { type Scored, type ScoreRules, scoreMetrics } from '../../../../src/core/analysis/kayenta/score.ts';
import type { MetricClass } from '../../../../src/core/model/kayenta-spec.ts';
import { golden } from '../fixtures.ts';

const one = (label: MetricClass, groups: readonly string[] = ['A'], more: Partial<Scored> = {}): Scored => ({
  label,
  groups,
  critical: false,
  muted: false,
  ...more,
});

function score(
  results: readonly Scored[],
  weights: Readonly<Record<string, number>> = {},
  more: Partial<ScoreRules> = {},
) {
  return scoreMetrics(results, { groupWeights: new Map(Object.entries(weights)), pass: 95, marginal: 75, ...more });
}

interface GoldenScore {
  readonly results: readonly { readonly label: MetricClass; readonly groups: string[]; readonly critical: boolean }[];
  readonly groupWeights: Readonly<Record<string, number>>;
  readonly passing: number;
  readonly marginal: number;
}

it.each(golden<GoldenScore, object>('kayenta_score'))('golden score %#', ({ input, expected }) => {
  const { results, groupWeights, passing: pass, marginal } = input;
  const given = results.map((result) => ({ ...result, muted: false }));
  expect(score(given, groupWeights, { pass, marginal })).toMatchObject(expected);
});

describe('groups', () => {
  it('share what the given weights leave', () => {
    const results = [one('Pass'), one('High', ['B']), one('Pass', ['C']), one('Pass', ['B', 'C'])];
    expect(score(results, { A: 60 })).toEqual({
      groups: [
        { name: 'A', score: 100, weight: 60 },
        { name: 'B', score: 50, weight: 20 },
        { name: 'C', score: 100, weight: 20 },
      ],
      score: 90,
      classification: 'Marginal',
    });
  });

  it('lose a weight that no metric uses', () => {
    expect(score([one('Pass')], { A: 60, B: 40 }).score).toBe(60);
  });

  it('report 0 without data and count as full', () => {
    const { groups, score: whole } = score([one('Pass'), one('Pass'), one('Pass'), one('Nodata', ['B'])]);
    expect([groups[1], whole]).toEqual([{ name: 'B', score: 0, weight: 50 }, 100]);
  });

  it('count a metric that must have data as failed', () => {
    expect(score([one('Pass'), one('NodataFailMetric')]).score).toBe(50);
  });
});

describe('what fails at once', () => {
  it('is any critical result that is no pass', () => {
    const critical = { critical: true };
    expect(score([one('Pass', ['A'], critical), one('Pass')])).toMatchObject({ score: 100 });
    expect(score([one('Pass'), one('High', ['B'], critical)])).toMatchObject({ score: 0, classification: 'Fail' });
    expect(score([...Array<Scored>(9).fill(one('Pass')), one('Nodata', ['A'], critical)]).classification).toBe('Fail');
  });

  it('is half of the metrics without data', () => {
    expect(score([one('Pass'), one('Nodata')])).toMatchObject({ score: 0, classification: 'Fail' });
    expect(score([one('Pass'), one('Pass'), one('Nodata')]).score).toBe(100);
  });

  it('fails even where 0 would pass', () => {
    expect(score([one('Nodata')], {}, { pass: 0, marginal: 0 }).classification).toBe('Fail');
  });

  it('is no muted metric', () => {
    const muted = one('High', ['B'], { critical: true, muted: true });
    expect(score([one('Pass'), muted])).toEqual({
      groups: [{ name: 'A', score: 100, weight: 100 }],
      score: 100,
      classification: 'Pass',
    });
    expect(score([muted])).toMatchObject({ groups: [], score: 0, classification: 'Fail' });
  });
});

describe('the sum', () => {
  it('has two decimals, half of one up', () => {
    expect(score([one('Pass'), one('Pass'), one('High')]).score).toBe(66.67);
    // 100 · 66.665 % is a double a little below.
    expect(score([one('Pass'), one('High', ['B'])], { A: 66.665, B: 33.335 }).score).toBe(66.67);
    expect(score([one('Pass'), one('High', ['B'])], { A: 1e-9, B: 99 }).score).toBe(0);
  });

  it.each([
    [95, 'Pass'],
    [94.99, 'Marginal'],
    [75, 'Marginal'],
    [74.99, 'Fail'],
  ])('of %d is %s', (percent, classification) => {
    const given = score([one('Pass'), one('High', ['B'])], { A: percent, B: 100 - percent });
    expect(given).toMatchObject({ score: percent, classification });
  });
});
