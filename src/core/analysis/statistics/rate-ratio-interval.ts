import { checkDispersion, checkStratum, inOneOrder, type Stratum } from './stratum.ts';
import { logSumExp, tilt } from './tilt.ts';

const LOWEST = -5;
const SPACING = 0.05;
const POINTS = 241;
const DISTANCES: readonly number[] = [1, 2, 4, 8, 16, 32, 64];

/** Log-likelihood at every log-ratio of the grid. */
export interface RateRatioState {
  readonly levels: readonly number[];
}

/** `high: null`: no upper bound yet. */
export interface RateRatioInterval {
  readonly low: number;
  readonly high: number | null;
}

export const NO_RATIO: RateRatioState = { levels: new Array<number>(POINTS).fill(0) };

export function updateRateRatio(state: RateRatioState, strata: readonly Stratum[], phi: number): RateRatioState {
  checkDispersion(phi);
  for (const stratum of strata) checkStratum(stratum);
  const ordered = inOneOrder(strata);
  const gained = (index: number): number =>
    ordered.reduce((sum, { x, n, w }) => sum + tilt(x, n, w, logRatio(index)) / phi, 0);
  return { levels: state.levels.map((level, index) => level + gained(index)) };
}

/** Ratios of the arms' rates that are not ruled out: at every look at once, with probability `1 - alpha`. */
export function rateRatioInterval({ levels }: RateRatioState, alpha: number): RateRatioInterval {
  const limit = Math.log(2 / alpha);
  let low = 0;
  for (let index = 0; index < POINTS && against(levels, index, 1) >= limit; index += 1) low = Math.exp(logRatio(index));
  let high: number | null = null;
  for (let index = POINTS - 1; index >= 0 && against(levels, index, -1) >= limit; index -= 1) {
    high = Math.exp(logRatio(index));
  }
  return { low, high };
}

/** Evidence against one ratio from those on one side of it. The divisor stays, or a ratio near the edge would gain. */
function against(levels: readonly number[], index: number, side: 1 | -1): number {
  const here = levels[index] ?? 0;
  const others = DISTANCES.map((distance) => levels[index + side * distance]).filter((level) => level !== undefined);
  return logSumExp(others.map((level) => level - here)) - Math.log(DISTANCES.length);
}

function logRatio(index: number): number {
  return LOWEST + SPACING * index;
}
