import { describe, expect, it } from 'vitest';
import {
  type ExperimentStanding,
  READOUT,
  readBinary,
  readMean,
} from '../../../../src/core/analysis/statistics/ab-readout.ts';
import { probabilityBetter } from '../../../../src/core/analysis/statistics/probability-better.ts';
import { NO_RATIO, updateRateRatio } from '../../../../src/core/analysis/statistics/rate-ratio-interval.ts';

const SOUND: ExperimentStanding = { sticky: true, sharesHold: true };

function binary(control: number, variant: number, users: number, standing = SOUND, spec = READOUT) {
  const ratio = updateRateRatio(NO_RATIO, [{ x: variant, n: control + variant, w: 0.5 }], 1);
  const arms = { control: { successes: control, users }, variant: { successes: variant, users } };
  return readBinary(standing, ratio, arms, spec);
}

describe('readBinary', () => {
  it('names a winner and a loser only when the interval over all looks leaves 1 out', () => {
    expect(binary(480, 552, 12_000)).toMatchObject({ kind: 'read', standing: 'undecided' });
    expect(binary(4800, 5520, 120_000)).toMatchObject({ kind: 'read', standing: 'winner' });
    expect(binary(5520, 4800, 120_000)).toMatchObject({ kind: 'read', standing: 'loser' });
    const fewer = { ...READOUT, wanted: 'lower' as const };
    expect(binary(5520, 4800, 120_000, SOUND, fewer)).toMatchObject({ standing: 'winner' });
  });

  it('stays undecided where the probability to be better looks convincing', () => {
    const read = binary(480, 552, 12_000);
    const better = probabilityBetter({ successes: 480, users: 12_000 }, { successes: 552, users: 12_000 });
    expect(better).toBeGreaterThan(0.98);
    expect(read.kind === 'read' && read.difference.fixed.low).toBeGreaterThan(0);
    expect(read.kind === 'read' && read.difference.anytime.low).toBeLessThan(0);
    expect(read.kind === 'read' && read.lift.low).toBeLessThan(0);
  });

  it('says nothing about users whose variant changes, or whose shares are not those wanted', () => {
    expect(binary(4800, 5520, 120_000, { sticky: false, sharesHold: true })).toEqual({
      kind: 'withheld',
      reason: 'not-sticky',
    });
    expect(binary(4800, 5520, 120_000, { sticky: true, sharesHold: false })).toEqual({
      kind: 'withheld',
      reason: 'shares-differ',
    });
  });
});

describe('readMean', () => {
  const arms = (mean: number) => ({
    control: { units: 10_000, mean: 20, variance: 900 },
    variant: { units: 10_000, mean, variance: 900 },
  });

  it('decides by the interval over all looks', () => {
    expect(readMean(SOUND, arms(20.5))).toMatchObject({ kind: 'read', standing: 'undecided', difference: 0.5 });
    expect(readMean(SOUND, arms(23))).toMatchObject({ kind: 'read', standing: 'winner', difference: 3 });
    expect(readMean(SOUND, arms(17))).toMatchObject({ kind: 'read', standing: 'loser' });
    expect(readMean({ sticky: false, sharesHold: true }, arms(23))).toMatchObject({ kind: 'withheld' });
  });

  it('refuses what is no mean', () => {
    expect(() => readMean(SOUND, arms(Number.NaN))).toThrow(RangeError);
  });
});
