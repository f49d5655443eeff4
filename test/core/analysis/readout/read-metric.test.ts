import { describe, expect, it } from 'vitest';
import { readMetric } from '../../../../src/core/analysis/readout/read-metric.ts';
import type { ArmTotals, ReadoutMetric, ReadoutRecord } from '../../../../src/core/model/readout.ts';

const SHARE: ReadoutMetric = { kind: 'share', name: 'buys', wanted: 'higher', users: 'u', successes: 's' };
const MEAN: ReadoutMetric = { kind: 'mean', name: 'euros', wanted: 'higher', users: 'u', sum: 's', sumOfSquares: 'q' };
const GOOD = { sticky: true, routed: true };

const share = (users: number, sum: number): ArmTotals => ({ users, sum, squares: sum });
/** Of users who all spend about `mean`, half of them one more and half one less. */
const mean = (users: number, each: number): ArmTotals => ({
  ...{ users, sum: users * each, squares: users * (each * each + 1) },
});

function record(stable: ArmTotals, canary: ArmTotals, weight = 5_000): ReadoutRecord {
  return { name: 'buys', atMs: 0, blocks: [{ weight, stable, canary }], last: { weight, stable, canary } };
}

describe('nothing is said', () => {
  it.each([
    ['of users who do not stay', { sticky: false, routed: true }, share(1_000, 100), share(1_000, 200), 'NOT_STICKY'],
    ['where Envoys route otherwise', { sticky: true, routed: false }, share(999, 9), share(999, 99), 'SHARES_DIFFER'],
    ['where the split is not the wanted one', GOOD, share(2_000, 100), share(1_000, 200), 'SHARES_DIFFER'],
    ['of a handful of users', GOOD, share(1_000, 100), share(29, 20), 'TOO_FEW_USERS'],
    ['of more successes than users', GOOD, share(1_000, 1_001), share(1_000, 10), 'BAD_COUNTS'],
  ])('%s', (_, standing, stable, canary, reason) => {
    const read = readMetric(SHARE, record(stable, canary), standing);
    expect(read).toMatchObject({ standing: 'withheld', reason, lift: null, probabilityBetter: null });
  });
});

describe('successes of users', () => {
  it('more of them make a winner, by an interval beyond no difference', () => {
    const read = readMetric(SHARE, record(share(5_000, 500), share(5_000, 700)), GOOD);
    expect(read).toMatchObject({ standing: 'winner', stable: { value: 0.1 }, canary: { users: 5_000, value: 0.14 } });
    expect(read.lift?.low).toBeGreaterThan(0);
  });

  it('make a loser where fewer of them are wanted', () => {
    const read = readMetric({ ...SHARE, wanted: 'lower' }, record(share(5_000, 500), share(5_000, 700)), GOOD);
    expect(read.standing).toBe('loser');
    expect(read.probabilityBetter).toBeLessThan(0.01);
  });

  it('are undecided while the interval holds both, however likely one looks', () => {
    const read = readMetric(SHARE, record(share(1_000, 100), share(1_000, 125)), GOOD);
    expect(read.standing).toBe('undecided');
    expect(read.probabilityBetter).toBeGreaterThan(0.95);
  });

  it('count by the share of users that was wanted', () => {
    const read = readMetric(SHARE, record(share(9_000, 900), share(1_000, 100), 1_000), GOOD);
    expect(read.standing).toBe('undecided');
    expect(read.lift?.low).toBeLessThan(0);
  });
});

describe('means', () => {
  it('differ by an interval that holds at every look', () => {
    const read = readMetric(MEAN, record(mean(2_000, 20), mean(2_000, 21)), GOOD);
    expect(read).toMatchObject({ standing: 'winner', lift: null, probabilityBetter: null });
    expect(read.difference?.value).toBeCloseTo(1);
    expect(read.difference?.low).toBeGreaterThan(0.8);
  });

  it('are undecided where they are the same', () => {
    expect(readMetric(MEAN, record(mean(2_000, 20), mean(2_000, 20)), GOOD).standing).toBe('undecided');
  });
});
