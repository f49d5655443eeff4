import { describe, expect, it } from 'vitest';
import { KAYENTA_DEFAULTS } from '../../../../src/core/analysis/kayenta/classify.ts';
import { kayentaJudge } from '../../../../src/core/analysis/kayenta/kayenta-judge.ts';
import { seeded } from '../../../support/random.ts';
import { decisions, feed, type Seen } from '../threshold/ticks.ts';

const judge = () =>
  kayentaJudge({
    metrics: [{ ...KAYENTA_DEFAULTS, name: 'errors' }],
    pass: 95,
    marginal: 75,
    sampleMs: 60_000,
    groupWeights: {},
    intervalMs: 300_000,
  });

/** Twelve minutes of scrapes with some noise. */
function minutes(canaryBad: number, more: Seen = {}): Seen[] {
  const random = seeded(7);
  return Array.from({ length: 49 }, () => {
    const noise = () => random.between(0, 4);
    return { canary: [canaryBad + noise(), 1_000], stable: [5 + noise(), 1_000], ...more };
  });
}

it('judges every five minutes', () => {
  const { verdicts, state } = feed(judge(), minutes(5));
  expect(verdicts.flatMap(({ decision }, i) => (decision === 'advance' ? i : []))).toEqual([20, 40]);
  expect(verdicts[20]?.reason).toBe('score 100: errors Pass; 5 of 50 advised samples');
  expect(verdicts[40]?.reason).toContain('10 of 50');
  expect(state.samples).toHaveLength(12);
});

it('rolls back what is clearly worse', () => {
  const { verdicts } = feed(judge(), minutes(100));
  expect(verdicts[20]).toMatchObject({ decision: 'rollback', reason: expect.stringContaining('errors High') });
});

it('takes four scrapes for one sample', () => {
  const spike = minutes(5).map((seen, i): Seen => (i === 3 ? { ...seen, canary: [1_000, 1_000] } : seen));
  const { state } = feed(judge(), spike);
  expect(state.samples[0]?.errors?.canary.requests).toBe(4_000);
  expect(state.samples[0]?.errors?.canary.bad).toBeGreaterThan(1_000);
  expect(state.samples[1]?.errors?.canary.bad).toBeLessThan(100);
});

describe('missing samples', () => {
  it('are no data, which fails as it does with Kayenta', () => {
    const { verdicts } = feed(judge(), minutes(5, { canary: null }));
    expect(verdicts[20]).toMatchObject({ decision: 'rollback', reason: expect.stringContaining('errors Nodata') });
  });

  it('begin with the traffic of the canary', () => {
    const { verdicts } = feed(judge(), [...minutes(5, { hasWeight: false }), ...minutes(5)]);
    expect(decisions(verdicts).indexOf('a')).toBe(49 + 20);
  });
});

it('promotes at the end of the ramp', () => {
  expect(decisions(feed(judge(), minutes(5, { atEnd: true })).verdicts)).toContain('p');
});
