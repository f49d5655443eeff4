import type { AnalysisSpec, SequentialSpec } from '../../model/analysis-spec.ts';
import type { PlanSpec, StepSpec } from '../../model/documents.ts';
import { askedBy } from './asked.ts';
import { SEQUENTIAL_DEFAULTS, type SequentialSettings } from './settings.ts';

/** What of a plan the sequential judge goes by. Weights are basis points, as in a plan. */
export interface JudgedPlan extends Pick<PlanSpec, 'analysis' | 'nodataTimeoutMs' | 'onInconclusive'> {
  readonly steps: readonly JudgedStep[];
  readonly judge: Omit<SequentialSpec, 'name'>;
  readonly deadlineMs: number | null;
}

export interface JudgedStep extends Pick<StepSpec, 'weight' | 'holdMs' | 'analysis'> {
  readonly pinned: boolean;
  readonly sticky: boolean;
}

/** How the evidence is gathered: the same plan is judged in many places. */
export interface Gathering {
  readonly scrapeMs: number;
  readonly routeTimeoutMs: number;
  readonly mostEdges: number;
}

/** The one way from a plan to what is asked, for live rollouts and for recordings. */
export function sequentialSettings(plan: JudgedPlan, gathering: Gathering): SequentialSettings {
  const { analysis, steps, judge, nodataTimeoutMs, deadlineMs, onInconclusive } = plan;
  const usual = SEQUENTIAL_DEFAULTS;
  return {
    ...usual,
    ...gathering,
    ...askedBy(analysis),
    steps: steps.map(({ weight, holdMs, pinned, sticky }) => {
      // A scrape knows the weight in force and not the step; steps of one weight are judged alike.
      const own = steps.flatMap((step): readonly AnalysisSpec[] => (step.weight === weight ? step.analysis : []));
      const asked = own.some(({ kind }) => kind !== 'query') ? { asked: askedBy([...analysis, ...own]) } : {};
      return { weight: weight / 100, holdMs, pinned, sticky, ...asked };
    }),
    alpha: judge.alpha ?? usual.alpha,
    margin: judge.margin ?? usual.margin,
    detectable: judge.mde ?? usual.detectable,
    skipAfterMs: judge.skipAfterMs ?? null,
    nodataTimeoutMs: nodataTimeoutMs ?? usual.nodataTimeoutMs,
    deadlineMs,
    onInconclusive: onInconclusive ?? usual.onInconclusive,
  };
}
