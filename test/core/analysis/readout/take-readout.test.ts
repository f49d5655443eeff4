import { describe, expect, it } from 'vitest';
import type { ScalarResult } from '../../../../src/core/analysis/judge.ts';
import { takeReadout } from '../../../../src/core/analysis/readout/take-readout.ts';
import type { ReadoutMetric, ReadoutRecord } from '../../../../src/core/model/readout.ts';

const SHARE: ReadoutMetric = { kind: 'share', name: 'buys', wanted: 'higher', users: 'u', successes: 's' };
type Arm = readonly [users: number, successes: number];

function answers(stable: Arm, canary: Arm): Map<string, ScalarResult> {
  const of = (arm: string, [users, successes]: Arm): [string, ScalarResult][] => [
    [`buys/${arm}/users`, { kind: 'ok', value: users, atMs: 0 }],
    [`buys/${arm}/successes`, { kind: 'ok', value: successes, atMs: 0 }],
  ];
  return new Map([...of('stable', stable), ...of('canary', canary)]);
}

/** Looks one after the other: `[weight, stable, canary]`. */
function looks(...seen: readonly (readonly [number, Arm, Arm])[]): ReadoutRecord | null {
  let record: ReadoutRecord | null = null;
  for (const [weight, stable, canary] of seen) record = takeReadout(SHARE, record, answers(stable, canary), weight, 1);
  return record;
}

describe('what is read of the arms', () => {
  it('is nothing where an answer is missing, so that no arm runs ahead of the other', () => {
    const half = answers([10, 1], [10, 1]);
    half.set('buys/canary/users', { kind: 'gap', gap: 'NO_DATA', detail: 'no series' });
    expect(takeReadout(SHARE, null, half, 5_000, 1)).toBeNull();
  });

  it('is no number where there is none', () => {
    expect(takeReadout(SHARE, null, answers([Number.NaN, 1], [10, 1]), 5_000, 1)).toBeNull();
    expect(takeReadout(SHARE, null, answers([10, 1], [-10, 1]), 5_000, 1)).toBeNull();
  });

  it('is what has grown since the first look, whatever was there before', () => {
    expect(looks([5_000, [1_000, 90], [7, 0]])?.blocks).toEqual([]);
    expect(looks([5_000, [1_000, 90], [7, 0]], [5_000, [1_010, 91], [19, 3]])?.blocks).toEqual([
      { weight: 5_000, stable: { users: 10, sum: 1, squares: 1 }, canary: { users: 12, sum: 3, squares: 3 } },
    ]);
  });

  it('begins anew where a total falls: what a restart took away is lost in both arms', () => {
    const record = looks([5_000, [10, 1], [10, 1]], [5_000, [2, 0], [50, 9]], [5_000, [12, 1], [60, 11]]);
    expect(record?.blocks).toEqual([
      { weight: 5_000, stable: { users: 10, sum: 1, squares: 1 }, canary: { users: 10, sum: 2, squares: 2 } },
    ]);
  });

  it('is kept apart by weight, since each gives the canary another share of the users', () => {
    const record = looks(
      [1_000, [0, 0], [0, 0]],
      [1_000, [90, 9], [10, 1]],
      [5_000, [200, 20], [20, 2]],
      [5_000, [250, 25], [70, 7]],
    );
    expect(record?.blocks.map(({ weight, stable, canary }) => [weight, stable.users, canary.users])).toEqual([
      [1_000, 90, 10],
      [5_000, 50, 50],
    ]);
  });
});
