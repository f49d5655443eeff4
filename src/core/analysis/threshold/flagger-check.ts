import type { Answer, Range } from './argo-measurement.ts';

/** How Flagger checks one metric. Its two own metrics are read differently from the rest. */
export interface FlaggerMetric {
  readonly name: string;
  /** `null`: the older single `threshold` is used. */
  readonly range: Range | null;
  /** @default 0 */
  readonly threshold: number;
}

/**
 * Whether a check passes; a value equal to its limit does. Missing evidence and NaN fail it, infinities are numbers.
 * A single threshold is the least success rate, and the most of anything else.
 */
export function flaggerPasses(answer: Answer, { name, range, threshold }: FlaggerMetric): boolean {
  if (answer.kind === 'none' || typeof answer.value !== 'number' || Number.isNaN(answer.value)) return false;
  // Flagger's durations and their limits are whole milliseconds.
  const whole = name === 'request-duration' ? Math.trunc : (given: number) => given;
  const value = whole(answer.value);
  if (range === null) return name === 'request-success-rate' ? value >= threshold : value <= whole(threshold);
  return (range.min === null || value >= whole(range.min)) && (range.max === null || value <= whole(range.max));
}
