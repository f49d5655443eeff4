import { absoluteTest, againstLimit } from '../statistics/absolute-test.ts';
import { rejects } from '../statistics/combine.ts';
import { badEvents } from '../statistics/stratum.ts';
import { logWeightedMean } from '../statistics/tilt.ts';
import { FROM_THE_START, startTiltTest, type TiltTestState, updateTiltTest } from '../statistics/tilt-test.ts';
import { armPair } from './counts.ts';
import type { Strata } from './metric.ts';

/**
 * Is the canary shown to be no worse than stable? Per metric two tests of "it is": of a rate that is so many times that of
 * stable, and of one above what harms anybody. Their mean is an e-value against both at once (`judging.md` §2.3 d1).
 */
export interface SafetyState {
  readonly ratio: TiltTestState;
  readonly absolute: TiltTestState;
}

/** Of errors, of retried ones and of resets; slower answers come in larger numbers. */
export const SAFE_RATIO = 2;
export const SAFE_LATENCY_RATIO = 1.5;
/** A rate below harms nobody, however many times that of stable it is. */
const HARMLESS = 0.001;
/** How often a canary that is worse may be taken for one that is not, of each metric. */
export const SAFE_ALPHA = 0.05;

export function startSafety(): SafetyState {
  const test = startTiltTest({ starts: FROM_THE_START });
  return { ratio: test, absolute: test };
}

/** `phi`: known from before this tick, as for every test. */
export function updateSafety(state: SafetyState, strata: Strata, ratio: number, phi: number): SafetyState {
  const spec = { ratio, side: -1 as const, starts: FROM_THE_START, clip: Number.POSITIVE_INFINITY };
  const compared = strata.map(({ canary, stable }) => badEvents(armPair(canary, stable)));
  const own = strata.map(({ canary }) => againstLimit(canary.bad, canary.total, HARMLESS));
  return {
    ratio: updateTiltTest(spec, state.ratio, compared, phi),
    absolute: updateTiltTest(absoluteTest(-1, FROM_THE_START), state.absolute, own, phi),
  };
}

export function safetyEvidence({ ratio, absolute }: SafetyState): number {
  return logWeightedMean([
    { weight: 0.5, logE: ratio.raw },
    { weight: 0.5, logE: absolute.raw },
  ]);
}

/** All of them, each by its own bound: whoever is worse in one metric is worse (no correction is needed). */
export function isSafe(states: readonly SafetyState[]): boolean {
  return states.length > 0 && states.every((state) => rejects(safetyEvidence(state), SAFE_ALPHA));
}
