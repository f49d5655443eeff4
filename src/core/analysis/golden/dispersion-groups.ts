import { z } from 'zod';
import { addPair, dispersion, NO_PAIRS, pairDispersion } from '../statistics/dispersion.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { count, listOf } from './input-fields.ts';

const Pairs = z.object({
  scrapes_bad_total: listOf(z.tuple([count, count], 'expected [bad, total]')),
  nu0: count.default(5),
  phi0: count.default(1),
});

export const DISPERSION_GROUPS: readonly Evaluator[] = [
  evaluator('dispersion', 'phi_pairs', Pairs, ({ scrapes_bad_total, nu0, phi0 }) => {
    const pairs = pairsOf(scrapes_bad_total.map(([bad, total]) => ({ bad, total })));
    const r2 = pairs.map(([first, second]) => pairDispersion(first, second)).filter((one) => one !== null);
    return { r2, phi: pairedDispersion(pairs, { pairs: nu0, value: phi0 }) };
  }),
];

type Scrape = Parameters<typeof pairDispersion>[0];

/** Adjacent scrapes that do not overlap; a last one without a partner waits. */
export function pairsOf(scrapes: readonly Scrape[]): (readonly [Scrape, Scrape])[] {
  return scrapes.flatMap((first, index) => {
    const second = scrapes[index + 1];
    return index % 2 === 1 || second === undefined ? [] : [[first, second] as const];
  });
}

export function pairedDispersion(
  pairs: readonly (readonly [Scrape, Scrape])[],
  prior?: Parameters<typeof dispersion>[1],
): number {
  return dispersion(
    pairs.reduce((state, [first, second]) => addPair(state, first, second), NO_PAIRS),
    prior,
  );
}
