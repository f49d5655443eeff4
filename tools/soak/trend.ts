/** What one thing measured at one moment. */
export interface Point {
  readonly atS: number;
  readonly value: number;
}

/** How much may be added over the time that is judged: so much in any case, and such a share of the level an hour. */
export interface Allowance {
  readonly absolute: number;
  readonly sharePerHour: number;
}

export interface Trend {
  readonly verdict: 'flat' | 'grows' | 'too short';
  /** Fitted: at the end of the time that was judged, and by how much more than at its begin. */
  readonly level: number;
  readonly growth: number;
  /** What of the growth may be chance: two standard errors. */
  readonly error: number;
  readonly allowed: number;
}

const WINDOWS = 10;
/** A fit through fewer says nothing. */
const MIN_WINDOWS = 5;

/**
 * Does it grow for good? A line through the least value of each tenth of the time after the warm-up: what is freed again,
 * garbage before its collection or connections after a fault, is not in the least values; what leaks is. It grows if
 * it certainly grows by more than is allowed.
 */
export function trend(points: readonly Point[], warmUpS: number, allowance: Allowance): Trend {
  const judged = points.filter(({ atS, value }) => atS >= warmUpS && Number.isFinite(value));
  const [first, last] = [judged[0], judged.at(-1)];
  const spanS = first === undefined || last === undefined ? 0 : last.atS - first.atS;
  const least = leastOfWindows(judged, first?.atS ?? 0, spanS);
  if (least.length < MIN_WINDOWS) return { verdict: 'too short', level: Number.NaN, growth: 0, error: 0, allowed: 0 };
  const { slope, intercept, slopeError } = line(least);
  const level = intercept + slope * (last?.atS ?? 0);
  const [growth, error] = [slope * spanS, 2 * slopeError * spanS];
  const allowed = allowance.absolute + (Math.max(0, level - growth) * allowance.sharePerHour * spanS) / 3_600;
  return { verdict: growth - error > allowed ? 'grows' : 'flat', level, growth, error, allowed };
}

function leastOfWindows(points: readonly Point[], fromS: number, spanS: number): Point[] {
  const least = new Map<number, number>();
  for (const { atS, value } of points) {
    const window = Math.min(WINDOWS - 1, Math.floor(((atS - fromS) / spanS) * WINDOWS));
    if (Number.isFinite(window)) least.set(window, Math.min(value, least.get(window) ?? Number.POSITIVE_INFINITY));
  }
  return [...least].map(([window, value]) => ({ atS: fromS + ((window + 0.5) / WINDOWS) * spanS, value }));
}

/** Least squares, with the standard error of the slope. */
function line(points: readonly Point[]): { slope: number; intercept: number; slopeError: number } {
  const n = points.length;
  const meanX = points.reduce((sum, { atS }) => sum + atS, 0) / n;
  const meanY = points.reduce((sum, { value }) => sum + value, 0) / n;
  const sxx = points.reduce((sum, { atS }) => sum + (atS - meanX) ** 2, 0);
  const slope = points.reduce((sum, { atS, value }) => sum + (atS - meanX) * (value - meanY), 0) / sxx;
  const intercept = meanY - slope * meanX;
  const left = points.reduce((sum, { atS, value }) => sum + (value - intercept - slope * atS) ** 2, 0);
  return { slope, intercept, slopeError: Math.sqrt(left / (n - 2) / sxx) };
}
