import type { StepSpec } from '../../model/documents.ts';
import { formatDuration } from '../../model/duration.ts';
import { isPlainStep } from '../../model/plain-step.ts';
import { type Finding, finding } from './finding.ts';
import { canaryShare, type PlanUnderLint } from './plan-under-lint.ts';

/** Can `skipAfter` ever spare a step? Steps are skipped at the end of one's hold, all that remain at once. */
export function lintSkip(plan: PlanUnderLint): Finding[] {
  const { from, spec, steps } = plan;
  if (spec.judge.name !== 'sequential' || spec.judge.skipAfterMs === undefined) return [];
  const { skipAfterMs } = spec.judge;
  const found = (message: string) => [finding('skip-out-of-reach', from, 'spec.judge.skipAfter', message)];
  const words = `nothing is skipped before ${formatDuration(skipAfterMs)}`;
  if (skipAfterMs >= spec.deadlineMs) return found(`${words}, the deadline is ${formatDuration(spec.deadlineMs)}`);
  const first = steps.findIndex((step) => canaryShare(step) > 0 || step.matches.length > 0);
  const leaving = steps.flatMap((_, i) => (i >= first && canSkipBehind(steps, i) ? [i] : []));
  const latest = leaving.at(-1);
  if (first === -1 || latest === undefined) {
    return found('no step can be skipped: each is the last, or one behind it asks for more than a weight and a hold');
  }
  const heldMs = steps.slice(first, latest + 1).reduce((sum, step) => sum + step.holdMs, 0);
  if (heldMs >= skipAfterMs) return [];
  const name = steps[latest]?.name;
  return found(
    `${words}, and ${name}, the last step that others can be skipped behind, is over after ${formatDuration(heldMs)} of holds`,
  );
}

/** As the engine decides it. */
function canSkipBehind(steps: readonly StepSpec[], index: number): boolean {
  return index < steps.length - 1 && steps.slice(index + 1).every(isPlainStep);
}
