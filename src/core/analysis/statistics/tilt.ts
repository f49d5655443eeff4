/** Exponents of the mixture: rate ratios of 1.13 to 245 above the margin. */
export const OFFSETS: readonly number[] = [0.12, 0.25, 0.5, 0.9, 1.4, 2.1, 3.2, 5.5];

/** `ln Σ e^v`, without overflow. */
export function logSumExp(values: readonly number[]): number {
  const highest = Math.max(...values);
  if (!Number.isFinite(highest)) return highest;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - highest);
  return highest + Math.log(sum);
}

/** Natural logarithm of the weighted mean of e-values that are given by their logarithms. */
export function logWeightedMean(parts: readonly { readonly weight: number; readonly logE: number }[]): number {
  return logSumExp(parts.map(({ weight, logE }) => Math.log(weight) + logE));
}

/**
 * Logarithm of the likelihood ratio of `x` bad events among `n`, when the null gives the canary the share `q` of
 * them and the alternative shifts its log-odds by `d`. It says nothing where there is nothing to split.
 */
export function tilt(x: number, n: number, q: number, d: number): number {
  if (n === 0 || !(q > 0 && q < 1)) return 0;
  return x * d - n * Math.log1p(q * Math.expm1(d));
}
