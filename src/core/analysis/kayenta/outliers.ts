/**
 * Without values far outside the quartiles; never so narrow that the 1st or 99th percentile would be cut as well.
 * `factor` is in interquartile ranges.
 */
export function withoutOutliers(values: readonly number[], factor: number): readonly number[] {
  const [p25, p75] = [percentile(values, 25), percentile(values, 75)];
  const reach = factor * (p75 - p25);
  const lower = Math.min(percentile(values, 1), p25 - reach);
  const upper = Math.max(percentile(values, 99), p75 + reach);
  return values.filter((value) => value >= lower && value <= upper);
}

/** Percentile by linear interpolation between order statistics; NaN of nothing. */
export function percentile(values: readonly number[], p: number): number {
  const ordered = Float64Array.from(values).sort();
  const position = (ordered.length - 1) * (p / 100);
  const low = ordered[Math.floor(position)] ?? Number.NaN;
  const high = ordered[Math.ceil(position)] ?? Number.NaN;
  return low + (position - Math.floor(position)) * (high - low);
}
