import { describe, expect, it } from 'vitest';
import { flaggerJudge } from '../../../../src/core/analysis/threshold/flagger-judge.ts';
import { decisions, ERRORS, feed, type Seen } from './ticks.ts';

const judge = (threshold = 2, more: object = {}) =>
  flaggerJudge({ threshold, intervalMs: 60_000, analyses: [{ ...ERRORS, ...more }] });
const times = (n: number, seen: Seen = {}): Seen[] => Array<Seen>(n).fill(seen);
const BAD: Seen = { canary: [50, 100] };

it('checks once per interval, from one interval after the canary got traffic', () => {
  const { verdicts } = feed(judge(), [...times(3, { hasWeight: false }), ...times(9)]);
  expect(decisions(verdicts)).toBe('hhhhhhhahhha');
});

it('rolls back at the check after the one that reached the threshold, whatever it measures', () => {
  const { verdicts } = feed(judge(), [...times(9, BAD), ...times(4)]);
  expect(decisions(verdicts)).toBe('hhhhhhhhhhhhr');
  expect(verdicts[4]?.reason).toBe('errors: 0.5 is above 0.01 (1 of 2 failed checks)');
});

it('adds failures up over the whole rollout', () => {
  const { verdicts } = feed(judge(), [...times(5, BAD), ...times(4), ...times(4, BAD), ...times(4)]);
  expect(decisions(verdicts)).toBe('hhhhhhhhahhhhhhhr');
});

it('takes no data for a failure', () => {
  const { verdicts } = feed(judge(1), times(9, { canary: null }));
  expect(decisions(verdicts)).toBe('hhhhhhhhr');
});

it('counts neither way on fewer requests than wanted', () => {
  const { verdicts } = feed(judge(1, { minRequests: 1_000 }), times(13, BAD));
  expect(decisions(verdicts)).toBe('h'.repeat(13));
});

it('looks at the window, not at the interval', () => {
  const window = { windowMs: 15_000 };
  const seen = [...times(4, BAD), ...times(1), ...times(4)];
  expect(decisions(feed(judge(1, window), seen).verdicts)).toBe('hhhhahhha');
  expect(decisions(feed(judge(1, { windowMs: 120_000 }), seen).verdicts)).toBe('hhhhhhhhr');
});

describe('at the end of the ramp', () => {
  it('promotes with one passing check more', () => {
    const { verdicts } = feed(judge(), [...times(5), ...times(4, { atEnd: true })]);
    expect(decisions(verdicts)).toBe('hhhhahhhp');
  });
});

it('keeps no more than its window', () => {
  expect(feed(judge(), times(100)).state.window).toHaveLength(4);
});
