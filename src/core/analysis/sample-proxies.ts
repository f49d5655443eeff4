import { createHash } from 'node:crypto';

/** So many Envoys tell what all of them do, unless little happens. */
export const SAMPLE = 64;
/** With every counter of both arms of so many there are some 20,000 series, more than which is read for nobody. */
export const MAX_SAMPLE = 256;
/** Without histograms there are a dozen of each. */
export const MAX_WITHOUT_HISTOGRAM = 1_000;

/**
 * The Envoys whose counters are looked at. Chosen by their names alone: the same on every replica and at every look, a
 * larger sample holds the smaller one, and rollouts of one fleet share their queries. `null`: a name that is not known;
 * as many of them are kept as there are in the whole.
 */
export function sampleProxies(names: readonly (string | null)[], size: number): readonly (string | null)[] {
  if (names.length <= size) return names;
  const known = names.filter((name) => name !== null).map((name) => ({ name, rank: rank(name) }));
  const unknown = Math.ceil((size * (names.length - known.length)) / names.length);
  const chosen = known.sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, size - unknown);
  return [...chosen.map(({ name }) => name), ...new Array<null>(unknown).fill(null)];
}

function rank(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}
