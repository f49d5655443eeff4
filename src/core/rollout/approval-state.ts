import type { Rollout } from './rollout.ts';

/** Of the present attempt: what was approved before is another traffic. */
export function isApproved({ approval, step, attempt }: Rollout): boolean {
  return approval !== null && approval.step === step && approval.attempt === attempt;
}

/** Does the present step wait for a person who has not said so? */
export function lacksApproval(rollout: Rollout): boolean {
  const { phase, spec, step } = rollout;
  return phase === 'stepping' && spec.strategy.steps[step]?.approve === true && !isApproved(rollout);
}
