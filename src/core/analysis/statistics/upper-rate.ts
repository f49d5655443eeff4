/** Normal quantile of 99 %. */
const Z = 2.3263478740408408;

/**
 * A rate that is above the true one with 99 %, from `bad` of `total` that came in bursts of `phi` on average (the
 * square-root limit of Poisson counts; within 1 % of the exact one, and above it where nothing failed). What is held
 * against it alone must not be convicted by the luck of what it is compared with.
 */
export function upperRate(bad: number, total: number, phi: number): number {
  if (!(bad >= 0 && total >= 0 && phi >= 1 && Number.isFinite(bad + total + phi))) {
    throw new RangeError(`no rate: ${bad} of ${total}, dispersion ${phi}`);
  }
  return total === 0 ? 1 : Math.min(1, (phi * (Math.sqrt(bad / phi + 1) + Z / 2) ** 2) / total);
}
