import type { StepSpec } from './documents.ts';

/** Does the step ask for a share and for time alone? Evidence can take their place, and that of nothing else. */
export function isPlainStep({ approve, webhook, sticky, until, analysis }: StepSpec): boolean {
  return !approve && webhook === undefined && sticky === undefined && until === undefined && analysis.length === 0;
}
