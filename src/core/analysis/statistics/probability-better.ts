import { logBeta } from './log-gamma.ts';

/** Users of one variant and how many of them did what is wanted. */
export interface VariantCounts {
  readonly successes: number;
  readonly users: number;
}

/**
 * Probability, after the data and a flat prior, that the variant's rate is above the control's. Descriptive only: it
 * swings under continuous looking and never decides.
 */
export function probabilityBetter(control: VariantCounts, variant: VariantCounts): number {
  const [a1, b1] = posterior(control);
  const [a2, b2] = posterior(variant);
  const base = logBeta(a1, b1);
  let sum = 0;
  for (let i = 0; i < a2; i += 1) {
    sum += Math.exp(logBeta(a1 + i, b1 + b2) - Math.log(b2 + i) - logBeta(1 + i, b2) - base);
  }
  return Math.min(1, sum);
}

function posterior({ successes, users }: VariantCounts): readonly [number, number] {
  const counted = Number.isSafeInteger(successes) && Number.isSafeInteger(users);
  if (!counted || successes < 0 || users < successes) throw new RangeError(`no counts: ${successes} of ${users}`);
  return [1 + successes, 1 + users - successes];
}
