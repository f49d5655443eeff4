import type { JudgedPlan } from '../analysis/sequential/plan-settings.ts';
import type { SequentialSpec } from '../model/analysis-spec.ts';
import type { PlanSpec } from '../model/documents.ts';
import type { Rollout } from './rollout.ts';

/**
 * What of a plan the sequential judge goes by. `comesInGroups`: not every request is drawn by itself, since those that
 * belong together go to one arm.
 */
export function judgedPlan(spec: PlanSpec, { comesInGroups = false } = {}): JudgedPlan {
  const { analysis, strategy, deadlineMs, onInconclusive = 'rollback', nodataTimeoutMs } = spec;
  return {
    ...{ analysis, deadlineMs, onInconclusive },
    judge: ownJudge(spec),
    ...(nodataTimeoutMs === undefined ? {} : { nodataTimeoutMs }),
    steps: strategy.steps.map((step) => ({
      weight: step.weight,
      holdMs: step.holdMs,
      analysis: step.analysis,
      pinned: step.matches.length > 0,
      sticky: comesInGroups || step.sticky !== undefined,
    })),
  };
}

/** What a plan asks of the sequential judge; its defaults, where another one judges. */
export function ownJudge({ judge }: Pick<PlanSpec, 'judge'>): Omit<SequentialSpec, 'name'> {
  return judge.name === 'sequential' ? judge : {};
}

/** Slow answers do not keep a judge from looking for longer than this: what hurts people must be seen. */
const LONGEST_SETTLING_MS = 60_000;

/** Answers of the old weight may come so long after it. */
export function judgedTimeoutMs({ routeTimeoutMs = 0 }: Pick<Rollout, 'routeTimeoutMs'>): number {
  return Math.min(routeTimeoutMs, LONGEST_SETTLING_MS);
}
