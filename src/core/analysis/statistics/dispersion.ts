/** One metric of the baseline in one scrape, summed over the proxies that both scrapes of a pair have. */
export interface BaselineScrape {
  readonly bad: number;
  readonly total: number;
}

/** Pairs seen so far. */
export interface DispersionState {
  readonly pairs: number;
  readonly sum: number;
}

export interface DispersionPrior {
  readonly pairs: number;
  readonly value: number;
}

export const NO_PAIRS: DispersionState = { pairs: 0, sum: 0 };

export const DISPERSION_PRIOR: DispersionPrior = { pairs: 5, value: 1 };

/**
 * Squared standardised difference of two adjacent scrapes of the same arm: 1 on average where errors come one by one,
 * the mean size of a burst where they come in bursts. `null` where the pair says nothing.
 */
export function pairDispersion(first: BaselineScrape, second: BaselineScrape): number | null {
  checkScrape(first);
  checkScrape(second);
  const bad = first.bad + second.bad;
  if (bad === 0 || first.total === 0 || second.total === 0) return null;
  const q = first.total / (first.total + second.total);
  return (first.bad - bad * q) ** 2 / (bad * q * (1 - q));
}

/** Pairs must not overlap, and must share one weight. */
export function addPair(state: DispersionState, first: BaselineScrape, second: BaselineScrape): DispersionState {
  const squared = pairDispersion(first, second);
  return squared === null ? state : { pairs: state.pairs + 1, sum: state.sum + squared };
}

/** The factor by which evidence is tempered: never below 1, and drawn to the prior while there is little history. */
export function dispersion({ pairs, sum }: DispersionState, prior: DispersionPrior = DISPERSION_PRIOR): number {
  const weight = prior.pairs + pairs;
  return weight === 0 ? 1 : Math.max(1, (prior.pairs * prior.value + sum) / weight);
}

function checkScrape({ bad, total }: BaselineScrape): void {
  const counts = Number.isFinite(bad) && Number.isFinite(total) && bad >= 0 && total >= 0;
  if (!counts) throw new RangeError(`no scrape: ${bad} of ${total}`);
}
