import { normalQuantile } from '../statistics/normal-quantile.ts';
import { brentRoot } from './brent.ts';
import { rankJointly, sorted } from './ranks.ts';

/** Confidence interval and estimate (Hodges-Lehmann) of the shift from `control` to `experiment`. */
export interface Shift {
  readonly interval: readonly [lower: number, upper: number];
  readonly estimate: number;
}

export interface ShiftOptions {
  readonly confidence: number;
  /**
   * Kayenta looks for the ends of the interval to within 1e-4 whatever the unit, so that seconds and fractions get
   * ends that mean nothing. `true`: to within 1e-4 of the range of possible shifts.
   */
  readonly scaleTolerance: boolean;
}

const ROOT_TOLERANCE = 1e-4;

/** `null`: every observation is tied, so no interval exists. No arm may be empty or hold NaN. */
export function mannWhitneyShift(
  experiment: readonly number[],
  control: readonly number[],
  { confidence, scaleTolerance }: ShiftOptions,
): Shift | null {
  const [x, y] = [sorted(experiment), sorted(control)];
  const [least, most] = [end(x, 0) - end(y, -1), end(x, -1) - end(y, 0)];
  const tolerance = scaleTolerance ? ROOT_TOLERANCE * (most - least) : ROOT_TOLERANCE;
  let tied = false;
  const root = (z: number, clamp: boolean): number => {
    const f = (shift: number) => {
      const score = wilcoxonScore(x, y, shift);
      if (score === null) tied = true;
      return (score ?? 0) - z;
    };
    if (clamp && f(least) <= 0) return least;
    if (clamp && f(most) >= 0) return most;
    return brentRoot(f, least, most, tolerance);
  };
  const z = normalQuantile((1 - confidence) / 2);
  const shift: Shift = { interval: [root(-z, true), root(z, true)], estimate: root(0, false) };
  return tied ? null : shift;
}

/** How far the rank sum of `x − shift` is from what chance gives, in standard deviations; `null`: all is tied. */
export function wilcoxonScore(x: Float64Array, y: Float64Array, shift: number): number | null {
  const [nx, ny] = [x.length, y.length];
  const { rankSum, ties } = rankJointly(x, y, shift);
  const excess = rankSum - (nx * (nx + 1)) / 2 - (nx * ny) / 2;
  const variance = ((nx * ny) / 12) * (nx + ny + 1 - ties / ((nx + ny) * (nx + ny - 1)));
  // Of all tied values rounding may leave a little less than nothing.
  return variance <= 0 ? null : (excess - Math.sign(excess) / 2) / Math.sqrt(variance);
}

function end(values: Float64Array, index: number): number {
  const value = values.at(index);
  if (value === undefined) throw new RangeError('an arm is empty');
  return value;
}
