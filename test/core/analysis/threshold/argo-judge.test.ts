import { describe, expect, it } from 'vitest';
import { ARGO_LIMITS, type ArgoLimits } from '../../../../src/core/analysis/threshold/argo.ts';
import { argoJudge } from '../../../../src/core/analysis/threshold/argo-judge.ts';
import { decisions, ERRORS, feed, type Seen } from './ticks.ts';

const judge = (limits: Partial<ArgoLimits> = {}, more: object = {}) =>
  argoJudge({
    limits: { ...ARGO_LIMITS, hasInterval: true, ...limits },
    intervalMs: 60_000,
    analyses: [{ ...ERRORS, dryRun: false, ...more }],
  });
const times = (n: number, seen: Seen = {}): Seen[] => Array<Seen>(n).fill(seen);
const BAD: Seen = { canary: [50, 100] };

it('holds until the first measurement, then lets the ramp go on', () => {
  expect(decisions(feed(judge(), [...times(2, { hasWeight: false }), ...times(7)]).verdicts)).toBe('hhhhhhaaa');
});

it('rolls back with the first failure more than the limit', () => {
  expect(decisions(feed(judge({ failureLimit: 1 }), times(9, BAD)).verdicts)).toBe('hhhhaaaar');
});

it('rolls back after errors in a row, and keeps that', () => {
  const { verdicts } = feed(judge({ consecutiveErrorLimit: 1 }), [...times(9, { canary: null }), ...times(8)]);
  expect(decisions(verdicts)).toBe('hhhhaaaarrrrrrrrr');
  expect(verdicts[8]?.reason).toBe('errors is Error');
});

it('holds for good once it is inconclusive', () => {
  const { verdicts } = feed(judge({}, { minRequests: 1_000 }), times(9));
  expect(decisions(verdicts)).toBe('hhhhhhhhh');
  expect(verdicts.at(-1)?.reason).toBe('errors is Inconclusive');
});

it('lets a dry run fail without consequence', () => {
  expect(decisions(feed(judge({}, { dryRun: true }), times(9, BAD)).verdicts)).toBe('hhhhaaaaa');
});

describe('at the end of the ramp', () => {
  it('promotes while nothing is broken', () => {
    expect(decisions(feed(judge(), [...times(5), ...times(1, { atEnd: true })]).verdicts)).toBe('hhhhap');
    expect(decisions(feed(judge(), times(3, { atEnd: true })).verdicts)).toBe('hhh');
  });
});
