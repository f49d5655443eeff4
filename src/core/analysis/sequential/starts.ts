import { NOT_YET, type Start } from '../statistics/tilt-test.ts';
import type { MetricState } from './metric.ts';

/** More of them would cost more memory than they bring. */
export const MAX_STARTS = 10;

/** Where a canary has to be shown to be no worse as well, the memory is shared. */
const MAX_STARTS_BESIDE = 5;

export function countStarts(steps: number, showsSafety = false): number {
  return Math.max(1, Math.min(steps, showsSafety ? MAX_STARTS_BESIDE : MAX_STARTS));
}

/** Decided once: a test keeps as many as it began with. */
export function startsOf({ errors }: { readonly errors: MetricState }): number {
  return errors.test.levels.length;
}

/**
 * Half of the evidence's weight is there from the beginning; the later steps share the other half, each from its first
 * tick on: so what begins late need not first make up for a good past (`judging.md` §2.2 step 3).
 */
export function startsAt(activations: readonly number[], count: number): readonly Start[] {
  if (count === 1) return [{ tick: 0, weight: 1 }];
  return Array.from({ length: count }, (_, step) => ({
    tick: step === 0 ? 0 : (activations[step] ?? NOT_YET),
    weight: step === 0 ? 0.5 : 0.5 / (count - 1),
  }));
}
