import { logMultinomialBayes } from './log-gamma.ts';
import type { Stratum } from './stratum.ts';
import { logSumExp } from './tilt.ts';
import { type Start, startTiltTest, type TiltTestState, updateTiltTest } from './tilt-test.ts';

export interface ShareTestSpec {
  /** Ratio of odds, above 1, that is still taken for the wanted split. */
  readonly tolerance: number;
  readonly starts: readonly Start[];
}

export interface ShareTestState {
  readonly up: TiltTestState;
  readonly down: TiltTestState;
}

export const SHARE_TOLERANCE = 1.1;

export function startShareTest(spec: ShareTestSpec): ShareTestState {
  return { up: startTiltTest(spec), down: startTiltTest(spec) };
}

/** Strata: `x` requests of the arm among `n`, where `w` was wanted. Requests are counted, so nothing tempers them. */
export function updateShareTest(
  { tolerance, starts }: ShareTestSpec,
  { up, down }: ShareTestState,
  strata: readonly Stratum[],
): ShareTestState {
  const common = { starts, clip: Number.POSITIVE_INFINITY };
  return {
    up: updateTiltTest({ ...common, ratio: tolerance, side: 1 }, up, strata, 1),
    down: updateTiltTest({ ...common, ratio: 1 / tolerance, side: -1 }, down, strata, 1),
  };
}

/** Evidence that the achieved share lies outside the tolerance, on either side. */
export function shareEvidence({ up, down }: ShareTestState): number {
  return logSumExp([up.raw, down.raw]) - Math.log(2);
}

/** The same for any number of arms, without a tolerance: the higher the concentration, the smaller what it looks for. */
export function armsEvidence(counts: readonly number[], shares: readonly number[], concentration = 10_000): number {
  return logMultinomialBayes(
    counts,
    shares,
    shares.map((share) => share * concentration),
  );
}
