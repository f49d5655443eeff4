export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Median, 99th percentile and maximum by nearest rank; zeros of an empty list. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
