const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);
/** From here on the series below is exact to the last bit. */
const SERIES_FROM = 12;

/** `ln Γ(x)` for x > 0. */
export function logGamma(x: number): number {
  return (x - 0.5) * Math.log(x) - x + HALF_LOG_TWO_PI + stirlingRest(x);
}

/** `ln B(a, b)`. Written in shares, as three large logarithms of Γ would lose the digits that matter. */
export function logBeta(a: number, b: number): number {
  const rest = stirlingRest(a) + stirlingRest(b) - stirlingRest(a + b);
  const logShares = (0.5 - a) * Math.log1p(b / a) + (0.5 - b) * Math.log1p(a / b);
  return logShares - 0.5 * Math.log(a + b) + HALF_LOG_TWO_PI + rest;
}

/**
 * Logarithm of the Bayes factor of `counts` for shares drawn from Dirichlet(`prior`) against fixed `shares`. The
 * large terms of the Γ functions cancel on paper here, not in floating point.
 */
export function logMultinomialBayes(
  counts: readonly number[],
  shares: readonly number[],
  prior: readonly number[],
): number {
  const total = sum(counts);
  const priorTotal = sum(prior);
  let log = stirlingRest(priorTotal) - stirlingRest(priorTotal + total);
  log -= ((counts.length - 1) / 2) * Math.log1p(total / priorTotal);
  counts.forEach((count, index) => {
    const before = prior[index] ?? Number.NaN;
    const share = shares[index] ?? Number.NaN;
    const after = before + count;
    log += (after - 0.5) * logOver(after, (priorTotal + total) * share) + stirlingRest(after);
    log -= (before - 0.5) * logOver(before, priorTotal * share) + stirlingRest(before);
  });
  return log;
}

function logOver(value: number, expected: number): number {
  return Math.log1p((value - expected) / expected);
}

/** What Stirling's formula `(x - ½) ln x - x + ½ ln 2π` leaves out of `ln Γ(x)`. */
function stirlingRest(x: number): number {
  if (!(x > 0 && Number.isFinite(x))) throw new RangeError(`Γ is wanted at ${x}`);
  // rest(x) - rest(x + 1) = (x + ½) ln(1 + 1/x) - 1
  let lifted = x;
  let rest = 0;
  while (lifted < SERIES_FROM) {
    rest += (lifted + 0.5) * Math.log1p(1 / lifted) - 1;
    lifted += 1;
  }
  const inverse = 1 / (lifted * lifted);
  const series =
    1 / 12 -
    inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188 - (inverse * 691) / 360360))));
  return rest + series / lifted;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
