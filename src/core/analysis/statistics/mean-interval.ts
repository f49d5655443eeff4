/** Units of both arms, the difference of their means and its standard error so far. */
export interface MeanDifference {
  readonly difference: number;
  readonly standardError: number;
  readonly units: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Asymptotic confidence sequence of a difference of means: valid at every look once there are enough units for the
 * central limit theorem. `tightAt`: the number of units at which it is narrowest.
 */
export function meanInterval(
  { difference, standardError, units }: MeanDifference,
  alpha: number,
  tightAt: number,
): Interval {
  const tuning = (-2 * Math.log(alpha) + Math.log(1 - 2 * Math.log(alpha))) / tightAt;
  const scaled = units * tuning;
  const width = (2 * (scaled + 1)) / (units * scaled);
  const half = standardError * Math.sqrt(units) * Math.sqrt(width * Math.log(Math.sqrt(scaled + 1) / alpha));
  return { low: difference - half, high: difference + half };
}
