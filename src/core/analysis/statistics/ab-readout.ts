import { type Interval, meanInterval } from './mean-interval.ts';
import { normalQuantile } from './normal-quantile.ts';
import type { VariantCounts } from './probability-better.ts';
import { type RateRatioInterval, type RateRatioState, rateRatioInterval } from './rate-ratio-interval.ts';

/** What must hold before a comparison of variants says anything about users. */
export interface ExperimentStanding {
  /** A user stays with one variant; a split per request is no experiment on users. */
  readonly sticky: boolean;
  /** The achieved shares are those that were wanted. */
  readonly sharesHold: boolean;
}

export interface ReadoutSpec {
  readonly alpha: number;
  readonly tightAt: number;
  /** Which way the metric is good. */
  readonly wanted: 'higher' | 'lower';
}

export const READOUT: ReadoutSpec = { alpha: 0.05, tightAt: 5000, wanted: 'higher' };

export type Standing = 'winner' | 'loser' | 'undecided';

export type Readout<T> =
  | { readonly kind: 'withheld'; readonly reason: 'not-sticky' | 'shares-differ' }
  | ({ readonly kind: 'read'; readonly standing: Standing } & T);

export interface BinaryReadout {
  readonly rateRatio: RateRatioInterval;
  readonly lift: RateRatioInterval;
  readonly difference: RateDifference;
}

export interface RateDifference {
  readonly difference: number;
  readonly standardError: number;
  /** Valid at every look. */
  readonly anytime: Interval;
  /** Valid at one look that was fixed beforehand; shown for comparison. */
  readonly fixed: Interval;
}

/** The readout of a yes/no metric. The interval that decides grew with the data: `ratio` holds all looks so far. */
export function readBinary(
  standing: ExperimentStanding,
  ratio: RateRatioState,
  arms: { readonly control: VariantCounts; readonly variant: VariantCounts },
  spec: ReadoutSpec = READOUT,
): Readout<BinaryReadout> {
  const doubt = doubtOf(standing);
  if (doubt !== null) return { kind: 'withheld', reason: doubt };
  const rateRatio = rateRatioInterval(ratio, spec.alpha);
  const { low, high } = rateRatio;
  return {
    kind: 'read',
    standing: standingOf({ low, high: high ?? Number.POSITIVE_INFINITY }, 1, spec.wanted),
    rateRatio,
    lift: { low: low - 1, high: high === null ? null : high - 1 },
    difference: rateDifference(arms.control, arms.variant, spec),
  };
}

/** Units, mean and variance of one variant's metric. */
export interface VariantMean {
  readonly units: number;
  readonly mean: number;
  readonly variance: number;
}

/** The readout of a mean, revenue per user for one. */
export function readMean(
  standing: ExperimentStanding,
  { control, variant }: { readonly control: VariantMean; readonly variant: VariantMean },
  spec: ReadoutSpec = READOUT,
): Readout<{ readonly difference: number; readonly interval: Interval }> {
  const doubt = doubtOf(standing);
  if (doubt !== null) return { kind: 'withheld', reason: doubt };
  checkMean(control);
  checkMean(variant);
  const difference = variant.mean - control.mean;
  const standardError = Math.sqrt(control.variance / control.units + variant.variance / variant.units);
  const units = control.units + variant.units;
  const interval = meanInterval({ difference, standardError, units }, spec.alpha, spec.tightAt);
  return { kind: 'read', standing: standingOf(interval, 0, spec.wanted), difference, interval };
}

export function rateDifference(
  control: VariantCounts,
  variant: VariantCounts,
  { alpha, tightAt }: Pick<ReadoutSpec, 'alpha' | 'tightAt'>,
): RateDifference {
  const before = control.successes / control.users;
  const after = variant.successes / variant.users;
  const difference = after - before;
  const standardError = Math.sqrt((before * (1 - before)) / control.users + (after * (1 - after)) / variant.users);
  const half = normalQuantile(1 - alpha / 2) * standardError;
  const units = control.users + variant.users;
  return {
    difference,
    standardError,
    anytime: meanInterval({ difference, standardError, units }, alpha, tightAt),
    fixed: { low: difference - half, high: difference + half },
  };
}

function doubtOf({ sticky, sharesHold }: ExperimentStanding): 'not-sticky' | 'shares-differ' | null {
  if (!sticky) return 'not-sticky';
  return sharesHold ? null : 'shares-differ';
}

function standingOf({ low, high }: Interval, neutral: number, wanted: ReadoutSpec['wanted']): Standing {
  if (low > neutral) return wanted === 'higher' ? 'winner' : 'loser';
  if (high < neutral) return wanted === 'higher' ? 'loser' : 'winner';
  return 'undecided';
}

function checkMean({ units, mean, variance }: VariantMean): void {
  const numbers = Number.isFinite(units) && Number.isFinite(mean) && Number.isFinite(variance);
  if (!numbers || units < 1 || variance < 0) throw new RangeError(`no mean: ${mean} of ${units}, variance ${variance}`);
}
