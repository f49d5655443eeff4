import type { AnalysisSpec } from '../../model/analysis-spec.ts';
import type { PlanSpec, StepSpec } from '../../model/documents.ts';
import { formatDuration } from '../../model/duration.ts';
import type { ParsedDocument } from '../parse-documents.ts';

/** A plan and what its rules need. */
export interface PlanUnderLint {
  readonly from: ParsedDocument;
  readonly spec: PlanSpec;
  readonly steps: readonly StepSpec[];
  /** The longest interval of the fleets that the backend is in. */
  readonly scrapeMs: number;
  /** No Route says which fleets those are: it is the longest of all. */
  readonly guesses: boolean;
  /** Requests a second; `null`: not said. */
  readonly rps: number | null;
  readonly errorRate: number;
}

/** So long it takes to see how a step does by limits, and not a moment of the one before. */
export function fourScrapesMs({ scrapeMs }: PlanUnderLint): number {
  return 4 * scrapeMs;
}

/** How long so many scrapes take, and by what that is known. */
export function scrapeWords({ scrapeMs, guesses }: PlanUnderLint, scrapes: 2 | 4): string {
  const words = `${scrapes === 2 ? 'two' : 'four'} scrapes take ${formatDuration(scrapes * scrapeMs)}`;
  return guesses ? `${words} (of the slowest fleet of -c, as no Route says which it is)` : words;
}

/** Analyses in force in a step. */
export function inForce({ spec }: Pick<PlanUnderLint, 'spec'>, step: StepSpec): readonly AnalysisSpec[] {
  return [...(canaryShare(step) > 0 ? spec.analysis : []), ...step.analysis];
}

/** The same with where each of them stands. What is mirrored is judged like what is sent. */
export function placedInForce(plan: PlanUnderLint, step: StepSpec, index: number): readonly PlacedAnalysis[] {
  const own = step.analysis.map((analysis, i) => ({ analysis, path: stepAnalysisPath(plan, index, i) }));
  return [...(canaryShare(step) > 0 ? placedOfPlan(plan) : []), ...own];
}

/** All of a plan and its steps. */
export function allPlaced(plan: PlanUnderLint): readonly PlacedAnalysis[] {
  const own = plan.steps.flatMap(({ analysis: all }, k) =>
    all.map((analysis, i) => ({ analysis, path: stepAnalysisPath(plan, k, i) })),
  );
  return [...placedOfPlan(plan), ...own];
}

function placedOfPlan({ spec }: PlanUnderLint): readonly PlacedAnalysis[] {
  return spec.analysis.map((analysis, i) => ({ analysis, path: `spec.analysis[${i}]` }));
}

interface PlacedAnalysis {
  readonly analysis: AnalysisSpec;
  readonly path: string;
}

/** What a step's own analyses are called in the file; those of a strategy stand in another one. */
function stepAnalysisPath(plan: PlanUnderLint, index: number, analysis: number): string {
  return isInline(plan) ? `${stepPath(plan, index, 'analysis')}[${analysis}]` : 'spec.strategy.use';
}

/** A field of an analysis; of a strategy's, the strategy is all that can be shown. */
export function under(path: string, field: string): string {
  return path.endsWith(']') ? `${path}.${field}` : path;
}

/** Of the requests, in basis points: those that the canary answers, or copies of so many. */
export function canaryShare({ weight, mirror }: StepSpec): number {
  return weight > 0 ? weight : (mirror ?? 0);
}

/** In some step, or in the bake behind the last one. */
export function isJudged(plan: PlanUnderLint): boolean {
  const { spec, steps } = plan;
  return steps.some((step) => inForce(plan, step).length > 0) || ((spec.bakeMs ?? 0) > 0 && spec.analysis.length > 0);
}

/** Was this key written, or is it a default? */
export function isWritten({ from }: PlanUnderLint, path: string): boolean {
  const parent = path.slice(0, path.lastIndexOf('.'));
  const [own, outer] = [from.placeOf(path), from.placeOf(parent)];
  return own.line !== outer.line || own.column !== outer.column;
}

/** Where a field of a step stands: in the plan itself, or as what it gives to a strategy. */
export function stepPath(plan: PlanUnderLint, index: number, field: string): string {
  if (isInline(plan)) return `spec.strategy.steps[${index}].${field}`;
  const parameter = `spec.strategy.with.${field === 'weight' ? 'weights' : field}`;
  return isWritten(plan, parameter) ? parameter : 'spec.strategy.use';
}

/** The same of a field of its webhook. */
export function webhookPath(plan: PlanUnderLint, index: number, field: string): string {
  return isInline(plan) ? `${stepPath(plan, index, 'webhook')}.${field}` : 'spec.strategy.use';
}

/** Of the terms of an approval. */
export function approvalPath(plan: PlanUnderLint, index: number): string {
  return isInline(plan) ? `${stepPath(plan, index, 'approval')}.within` : 'spec.strategy.use';
}

function isInline({ spec }: PlanUnderLint): boolean {
  return spec.strategy.name === 'inline';
}
