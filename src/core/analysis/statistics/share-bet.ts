import { checkStratum, inOneOrder, type Stratum } from './stratum.ts';
import { logSumExp } from './tilt.ts';
import { allowedShare } from './tilt-test.ts';

export interface ShareBetSpec {
  readonly ratio: number;
  readonly fractions: readonly number[];
  /** Largest stake per tick; below 1, or one tick could ruin the bet. */
  readonly highestStake: number;
}

export interface ShareBetState {
  readonly levels: readonly number[];
  readonly logE: number;
}

export const SHARE_BET: ShareBetSpec = { ratio: 1.25, fractions: [0.003, 0.01, 0.03, 0.1, 0.3, 1], highestStake: 0.9 };

export function startShareBet({ fractions }: ShareBetSpec): ShareBetState {
  return { levels: fractions.map(() => 0), logE: 0 };
}

/**
 * A bet on the canary's share of the bad events of one tick. It keeps its bound however the events of a tick hang
 * together, so all strata of a tick are one bet; it learns more slowly for that.
 */
export function updateShareBet(spec: ShareBetSpec, state: ShareBetState, strata: readonly Stratum[]): ShareBetState {
  const { x, n, allowed } = pool(spec, strata);
  if (n === 0) return state;
  const excess = x / allowed - 1;
  const levels = state.levels.map((level, index) => {
    const stake = Math.min(spec.highestStake, (spec.fractions[index] ?? 0) * n);
    return level + Math.log1p(stake * excess);
  });
  return { levels, logE: logSumExp(levels) - Math.log(levels.length) };
}

function pool({ ratio }: ShareBetSpec, strata: readonly Stratum[]): { x: number; n: number; allowed: number } {
  const sum = { x: 0, n: 0, allowed: 0 };
  for (const stratum of strata) checkStratum(stratum);
  for (const { x, n, w } of inOneOrder(strata)) {
    if (n === 0 || w === 0 || w === 1) continue;
    sum.x += x;
    sum.n += n;
    sum.allowed += n * allowedShare(w, ratio);
  }
  return sum;
}
