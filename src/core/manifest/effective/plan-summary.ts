import type { AnalysisSpec } from '../../model/analysis-spec.ts';
import type { PlanSpec, StepSpec } from '../../model/documents.ts';
import { inForce } from '../lint/plan-under-lint.ts';

/** What people want to know of a plan first. */
export interface PlanSummary {
  /** All holds and the bake: live Envoys, evidence and approvals take their own time. */
  readonly leastMs: number;
  readonly steps: number;
  /** Of the canary before it gets all requests, in basis points. */
  readonly largestWeight: number;
  /** Steps that a person has to let go. */
  readonly approvals: number;
  /** Steps that a hook has to let go. */
  readonly webhooks: number;
}

export function planSummary({ strategy: { steps }, bakeMs = 0 }: PlanSpec): PlanSummary {
  return {
    leastMs: steps.reduce((sum, { holdMs }) => sum + holdMs, bakeMs),
    steps: steps.length,
    largestWeight: Math.max(0, ...steps.map(({ weight }) => weight)),
    approvals: steps.filter(({ approve }) => approve).length,
    webhooks: steps.filter(({ webhook }) => webhook !== undefined).length,
  };
}

/** Names of the analyses that hold a step. */
export function analysesOf(spec: PlanSpec, step: StepSpec): readonly string[] {
  return inForce({ spec }, step).map(({ name }: AnalysisSpec) => name);
}

/** What is left to hold a plan that measures nothing. */
export function heldWithoutAnalysis(spec: PlanSpec): string {
  return `only time${planSummary(spec).webhooks === 0 ? '' : ', hooks'} and people hold it`;
}
