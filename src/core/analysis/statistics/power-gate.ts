/** Nats that the mixture over offsets costs: a test that does not know the effect needs that much more. */
const MIXTURE_COST = 3.5;

/** Rates below this are not told apart from it in a rollout. */
const LEAST_RATE = 0.001;

export interface PowerSpec {
  /** The regression that must have been seen, as rate ratio. */
  readonly detectable: number;
  /** The margin of the test that would have seen it. */
  readonly ratio: number;
}

/**
 * What one stratum would have told about a `detectable`-fold regression, per unit of the baseline's rate. It is kept
 * apart from rate and dispersion, as both are known better with every tick.
 */
export function powerOf(canary: number, stable: number, { detectable, ratio }: PowerSpec): number {
  if (!(canary > 0 && stable > 0 && Number.isFinite(canary + stable))) return 0;
  const weighted = canary * detectable + stable;
  const q = (canary * ratio) / (canary * ratio + stable);
  return weighted * divergence((canary * detectable) / weighted, q);
}

/** Nats that a regression would have left behind; the gate opens at `powerNeeded`. */
export function powerGained(power: number, baselineRate: number, phi: number): number {
  return (power * baselineRate) / phi;
}

export function powerNeeded(alpha: number): number {
  return Math.log(1 / alpha) + MIXTURE_COST;
}

export function baselineRate(bad: number, total: number): number {
  return Math.max((bad + 0.5) / (total + 1), LEAST_RATE);
}

/** Kullback-Leibler divergence of two coins, in nats. */
export function divergence(a: number, b: number): number {
  return term(a, b) + term(1 - a, 1 - b);
}

function term(a: number, b: number): number {
  return a === 0 ? 0 : a * Math.log(a / b);
}
