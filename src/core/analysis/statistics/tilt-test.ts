import { addClipped } from './clipped-sum.ts';
import { checkDispersion, checkStratum, inOneOrder, type Stratum } from './stratum.ts';
import { logSumExp, OFFSETS, tilt } from './tilt.ts';

/** A component that begins to count at `tick`; until then it is worth 1. `NOT_YET` while its tick is unknown. */
export interface Start {
  readonly tick: number;
  readonly weight: number;
}

export const NOT_YET: number = Number.MAX_SAFE_INTEGER;

export const FROM_THE_START: readonly Start[] = [{ tick: 0, weight: 1 }];

/**
 * Null: the odds of an event are at most `ratio` times those of the share `w` (`side` 1), or at least (`side` -1).
 * `starts` keeps its length over the life of a test; an entry may learn its tick before that tick is judged.
 */
export interface TiltTestSpec {
  readonly ratio: number;
  readonly side: 1 | -1;
  readonly starts: readonly Start[];
  /** Largest growth of `logE` per tick; `Infinity` for none. */
  readonly clip: number;
}

/** `levels[start][offset]`. `raw` is the evidence before the clip: combinations are built from it. */
export interface TiltTestState {
  readonly levels: readonly (readonly number[])[];
  readonly raw: number;
  readonly logE: number;
  readonly tick: number;
}

export function startTiltTest({ starts }: Pick<TiltTestSpec, 'starts'>): TiltTestState {
  return { levels: starts.map(() => OFFSETS.map(() => 0)), raw: 0, logE: 0, tick: 0 };
}

/** Evidence against the null after one more tick. `phi` must be known from before this tick, or the bound is void. */
export function updateTiltTest(
  spec: TiltTestSpec,
  state: TiltTestState,
  strata: readonly Stratum[],
  phi: number,
): TiltTestState {
  check(spec, state);
  checkDispersion(phi);
  const gained = increments(spec, strata, phi);
  const levels = spec.starts.map(({ tick }, index) => {
    const level = state.levels[index] ?? [];
    return state.tick >= tick ? level.map((value, j) => value + (gained[j] ?? 0)) : level;
  });
  const mixed = spec.starts.map(({ weight }, index) => Math.log(weight) + logSumExp(levels[index] ?? []));
  const raw = logSumExp(mixed) - Math.log(OFFSETS.length);
  return { levels, ...addClipped(state, raw, spec.clip), tick: state.tick + 1 };
}

/** Share of the events that the null allows where the arm gets the share `w` of the traffic. */
export function allowedShare(w: number, ratio: number): number {
  const odds = (w / (1 - w)) * ratio;
  return odds / (1 + odds);
}

function increments({ ratio, side }: TiltTestSpec, strata: readonly Stratum[], phi: number): number[] {
  const sums = OFFSETS.map(() => 0);
  for (const stratum of strata) checkStratum(stratum);
  for (const { x, n, w } of inOneOrder(strata)) {
    if (n === 0 || w === 0 || w === 1) continue;
    const q = allowedShare(w, ratio);
    OFFSETS.forEach((offset, j) => {
      sums[j] = (sums[j] ?? 0) + tilt(x, n, q, side * offset) / phi;
    });
  }
  return sums;
}

function check({ ratio, starts }: TiltTestSpec, { levels }: TiltTestState): void {
  if (!(ratio > 0 && Number.isFinite(ratio))) throw new RangeError(`no margin: ${ratio}`);
  if (starts.length === 0 || starts.length !== levels.length)
    throw new RangeError('starts and state do not belong together');
  const total = starts.reduce((sum, { weight }) => sum + weight, 0);
  if (starts.some(({ weight }) => !(weight > 0)) || total > 1 + 1e-9) {
    throw new RangeError(`weights of the starts must be positive and sum to at most 1, not ${total}`);
  }
}
