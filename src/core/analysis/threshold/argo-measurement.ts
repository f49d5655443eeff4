import type { ArgoMeasurement } from './argo.ts';

/** What a provider answered. `none`: no data, or an error of the provider. */
export type Answer = { readonly kind: 'value'; readonly value: number | readonly number[] } | { readonly kind: 'none' };

/** `null`: it cannot be evaluated on this value. */
export type Condition = (value: number | readonly number[]) => boolean | null;

/** Limits of a value; both inclusive. */
export interface Range {
  readonly min: number | null;
  readonly max: number | null;
}

/**
 * Argo's reading of one answer: a condition that is not given is the opposite of the other one, what both claim has
 * failed, and what neither claims is inconclusive.
 */
export function argoMeasurement(
  answer: Answer,
  { success, failure }: { readonly success: Condition | null; readonly failure: Condition | null },
): ArgoMeasurement {
  if (answer.kind === 'none') return 'E';
  const [succeeds, fails] = [success?.(answer.value), failure?.(answer.value)];
  if (succeeds === null || fails === null) return 'E';
  if (fails === true) return 'F';
  if (succeeds === undefined) return 'S';
  if (succeeds) return 'S';
  return fails === undefined ? 'F' : 'I';
}

/** Of several values all must lie within; of none nothing can be said. NaN lies nowhere, infinities are numbers. */
export function within({ min, max }: Range): Condition {
  const [least, most] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY];
  const inside = (value: number) => value >= least && value <= most;
  return (value) => {
    if (typeof value === 'number') return inside(value);
    return value.length === 0 ? null : value.every(inside);
  };
}
