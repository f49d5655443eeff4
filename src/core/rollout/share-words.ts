import type { StepSpec } from '../model/documents.ts';
import { percent } from '../model/percent.ts';

/** `5 % to the canary`, or `33 % to the canary, 33 % to green` in a test with variants. */
export function shareWords({ weight, weights = {} }: Pick<StepSpec, 'weight' | 'weights'>): string {
  const others = Object.entries(weights).map(([arm, share]) => `${percent(share)} to ${arm}`);
  return [`${percent(weight)} to the canary`, ...others].join(', ');
}
