import { checkDispersion, checkStratum, inOneOrder, type Stratum } from './stratum.ts';
import { logSumExp, OFFSETS, tilt } from './tilt.ts';
import { allowedShare } from './tilt-test.ts';

/** Looks for a change at a moment nobody knows, for as long as it runs. */
export interface EDetectorSpec {
  readonly ratio: number;
  /** Ticks between two false alarms on average, at least. */
  readonly ticksBetween: number;
}

/** `levels[offset]`: logarithm of the sum over all moments at which the change may have come; `null`: none yet. */
export interface EDetectorState {
  readonly levels: readonly (number | null)[];
  readonly logE: number | null;
}

export const NO_CHANGE: EDetectorState = { levels: OFFSETS.map(() => null), logE: null };

/**
 * Shiryaev–Roberts sum of tilt tests begun at every tick (Shin, Ramdas and Rinaldo's e-detector). A test that must end
 * bounds its one false alarm; what watches for days bounds how often they come.
 */
export function updateEDetector(
  { ratio }: EDetectorSpec,
  state: EDetectorState,
  strata: readonly Stratum[],
  phi: number,
): EDetectorState {
  checkDispersion(phi);
  for (const stratum of strata) checkStratum(stratum);
  const ordered = inOneOrder(strata).filter(({ n, w }) => n > 0 && w > 0 && w < 1);
  const levels = OFFSETS.map((offset, index) => {
    const gained = ordered.reduce((sum, { x, n, w }) => sum + tilt(x, n, allowedShare(w, ratio), offset) / phi, 0);
    const before = state.levels[index] ?? null;
    return gained + (before === null ? 0 : logSumExp([before, 0]));
  });
  return { levels, logE: logSumExp(levels) - Math.log(OFFSETS.length) };
}

export function hasChanged({ ticksBetween }: EDetectorSpec, { logE }: EDetectorState): boolean {
  return logE !== null && logE >= Math.log(ticksBetween);
}
