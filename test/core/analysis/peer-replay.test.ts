import { expect, it } from 'vitest';
import { type PeerReplayPlan, peerReplay } from '../../../src/core/analysis/peer-replay.ts';
import type { Scrape } from '../../../src/core/analysis/sequential/scrape.ts';

const PLAN: PeerReplayPlan = {
  steps: [
    { weight: 500, holdMs: 60_000 },
    { weight: 5_000, holdMs: 120_000 },
  ],
  analysis: [{ kind: 'error-rate', name: 'errors', max: 0.01, minRequests: null }],
};

/** A scrape every 15 s; per line its weight and how many of the canary's 100 requests since the last one failed. */
function replay(lines: readonly (readonly [weight: number | null, bad: number])[], plan = PLAN): string[] {
  const judge = peerReplay('flagger', { threshold: 2 }, plan);
  const totals = { good: 0, bad: 0 };
  return lines.map(([weight, bad], i) => {
    totals.good += 100 - bad;
    totals.bad += bad;
    const line: Scrape = {
      t: 1_000_000 + i * 15_000,
      weight,
      proxies: { p1: { stable: {}, canary: { rq_xx: { 2: totals.good, 5: totals.bad } } } },
    };
    return judge(line).decision;
  });
}

const times = (n: number, weight: number | null, bad = 0) => Array<[number | null, number]>(n).fill([weight, bad]);

it('waits through the history and checks a minute after the first traffic', () => {
  expect(replay([...times(4, 0), ...times(6, 5)])).toEqual([...Array(8).fill('hold'), 'advance', 'hold']);
});

it('promotes when the last step has been held, counted from its first scrape', () => {
  const decisions = replay([...times(5, 5), ...times(13, 50)]);
  expect(decisions.indexOf('promote')).toBe(16);
});

it('rolls back whatever the recorded weight does', () => {
  expect(replay([...times(5, 5), ...times(9, 50, 90)]).at(12)).toBe('hold');
  expect(replay([...times(5, 5, 90), ...times(9, 50, 90)]).indexOf('rollback')).toBe(12);
});

it('takes nothing from lines between two steps', () => {
  const lines = [...times(5, 5), ...times(1, null, 100), ...times(3, 50)];
  expect(replay(lines).at(8)).toBe('advance');
});
