import { DEFAULT_MIN_REQUESTS } from '../../analysis/limited-share.ts';
import { SEQUENTIAL_DEFAULTS } from '../../analysis/sequential/settings.ts';
import { baselineRate, powerGained, powerNeeded, powerOf } from '../../analysis/statistics/power-gate.ts';
import type { AnalysisSpec, SequentialSpec } from '../../model/analysis-spec.ts';
import { isSplit, type StepSpec, TOTAL_WEIGHT } from '../../model/documents.ts';
import { formatDuration } from '../../model/duration.ts';
import { percent } from '../../model/percent.ts';
import { armWeight, armWords, CANARY, stableWeight } from '../../model/variants.ts';
import { type Finding, finding } from './finding.ts';
import {
  canaryShare,
  inForce,
  isWritten,
  type PlanUnderLint,
  placedInForce,
  stepPath,
  under,
} from './plan-under-lint.ts';

/** Can the traffic that there is bring the evidence that the plan asks for, in the time that it gives? */
export function lintEvidence(plan: PlanUnderLint): Finding[] {
  const { rps } = plan;
  if (rps === null) return [];
  return [...lintRequests(plan, rps), ...lintPower(plan, rps)];
}

function lintRequests(plan: PlanUnderLint, rps: number): Finding[] {
  const { from, spec, steps } = plan;
  let startMs = 0;
  return steps.flatMap((step, i) => {
    const needs = needed(plan, step, i);
    const arm = armsOfPlan(plan).reduce((a, b) => (shareOfArm(step, b) < shareOfArm(step, a) ? b : a));
    const takenMs = needs === null ? 0 : (needs.requests / armRps(rps, step, arm)) * 1_000;
    const leftMs = Math.min(step.until?.atMostMs ?? Number.POSITIVE_INFINITY, spec.deadlineMs - startMs);
    startMs += Math.max(step.holdMs, Number.isFinite(takenMs) ? takenMs : 0);
    if (needs === null || takenMs <= leftMs) return [];
    const time = Number.isFinite(takenMs) ? `take ${rough(takenMs)}` : 'never come';
    const given = `${rough(leftMs)} are left to it`;
    const message = `step ${step.name} waits for ${needs.requests} requests to ${armWords(arm)}; at ${rps} a second and ${percent(shareOfArm(step, arm))} they ${time}, ${given}`;
    return [finding('requests-out-of-reach', from, needs.path, message)];
  });
}

/** Requests to the canary that a step has to see, and who says so. */
function needed(plan: PlanUnderLint, step: StepSpec, index: number): { requests: number; path: string } | null {
  const until = step.until?.requests ?? 0;
  const least = placedInForce(plan, step, index).map(({ analysis, path }) => ({
    requests: leastRequests(plan, step, analysis),
    path: analysis.kind !== 'query' && analysis.minRequests !== null ? under(path, 'with.minRequests') : path,
  }));
  const all = [{ requests: until, path: stepPath(plan, index, 'until.requests') }, ...least];
  const most = all.reduce((a, b) => (b.requests > a.requests ? b : a));
  return most.requests === 0 ? null : most;
}

/** Where both arms have a share, judges that compare ask for power or samples, and not for a number of requests. */
function leastRequests({ spec }: PlanUnderLint, step: StepSpec, analysis: AnalysisSpec): number {
  if (analysis.kind === 'query') return 0;
  const { name } = spec.judge;
  if ((name === 'sequential' || name === 'kayenta') && isSplit(step)) return 0;
  return analysis.minRequests ?? (name === 'flagger' || name === 'argo' ? 0 : DEFAULT_MIN_REQUESTS);
}

/** The judge promotes nothing before it would have seen a regression; the last step that both arms share waits for that. */
function lintPower(plan: PlanUnderLint, rps: number): Finding[] {
  const { from, spec, steps } = plan;
  const index = steps.findLastIndex(isSplit);
  const last = steps[index];
  if (last === undefined || spec.judge.name !== 'sequential' || !compares(plan, last)) return [];
  const arms = armsOfPlan(plan);
  const asked = powerAsked(spec.judge, arms.length);
  const needs = powerNeeded(asked.alpha);
  // Each arm is compared with stable by itself, and the last of them decides when it goes on.
  const waits = arms.map((arm) => {
    const powerIn = (step: StepSpec, ms: number) => powerOfStep(plan, asked, step, arm, rps, ms);
    const gained = steps.reduce((sum, step) => sum + (isSplit(step) ? powerIn(step, step.holdMs) : 0), 0);
    return { arm, moreMs: Math.max(0, ((needs - gained) / powerIn(last, 1_000)) * 1_000) };
  });
  const { arm, moreMs } = waits.reduce((a, b) => (b.moreMs > a.moreMs ? b : a));
  if (moreMs === 0) return [];
  const holdMs = steps.reduce((sum, { holdMs: hold }) => sum + hold, 0);
  const rate = `${rps} requests a second and ${Math.round(assumedRate(plan.errorRate) * 1e4) / 1e2} % errors`;
  const words = `at ${rate} it takes ${rough(moreMs)} more at ${percent(shareOfArm(last, arm))} to have seen a ${asked.detectable}-fold regression${several(plan, arm)}`;
  if (holdMs + moreMs > spec.deadlineMs && spec.onInconclusive !== 'promote') {
    const path = isWritten(plan, 'spec.deadline') ? 'spec.deadline' : stepPath(plan, index, 'weight');
    const message = `${words}, which the deadline of ${formatDuration(spec.deadlineMs)} does not leave`;
    return [finding('power-out-of-reach', from, path, message)];
  }
  // Less than the holds themselves is nothing to be told about.
  if (moreMs <= holdMs) return [];
  return [finding('power-stretches', from, stepPath(plan, index, 'weight'), words)];
}

/** Queries compare with nothing that the judge knows the power of. */
function compares(plan: PlanUnderLint, step: StepSpec): boolean {
  return inForce(plan, step).some(({ kind }) => kind !== 'query');
}

interface PowerAsked {
  readonly alpha: number;
  readonly margin: number;
  readonly detectable: number;
}

function powerAsked({ alpha, margin, mde }: SequentialSpec, comparisons: number): PowerAsked {
  const usual = SEQUENTIAL_DEFAULTS;
  return {
    alpha: (alpha ?? usual.alpha) / comparisons,
    margin: margin ?? usual.margin,
    detectable: mde ?? usual.detectable,
  };
}

function powerOfStep(
  { errorRate }: PlanUnderLint,
  { detectable, margin }: PowerAsked,
  step: StepSpec,
  arm: string,
  rps: number,
  ms: number,
): number {
  const own = (armRps(rps, step, arm) * ms) / 1_000;
  const stable = (rps * stableWeight(step) * ms) / TOTAL_WEIGHT / 1_000;
  return powerGained(powerOf(own, stable, { detectable, ratio: margin }), assumedRate(errorRate), 1);
}

/** Where no errors are normal, the judge assumes the least rate that it can tell. */
function assumedRate(errorRate: number): number {
  return Math.max(errorRate, baselineRate(0, Number.POSITIVE_INFINITY));
}

function armRps(rps: number, step: StepSpec, arm: string): number {
  return (rps * shareOfArm(step, arm)) / TOTAL_WEIGHT;
}

/** What comes to it, or copies of so many; in basis points. */
function shareOfArm(step: StepSpec, arm: string): number {
  return arm === CANARY ? canaryShare(step) : armWeight(step, arm);
}

function armsOfPlan({ spec }: PlanUnderLint): readonly [string, ...string[]] {
  return [CANARY, ...(spec.variants ?? [])];
}

/** Of a test: which arm it is about, and that each is judged with its share of `alpha`. */
function several({ spec: { variants = [] } }: PlanUnderLint, arm: string): string {
  return variants.length === 0 ? '' : ` of ${armWords(arm)} (alpha is shared by ${variants.length + 1} arms)`;
}

/** Two digits are enough for what is estimated. */
function rough(ms: number): string {
  const unit = [86_400_000, 3_600_000, 60_000, 1_000].find((one) => ms >= one) ?? 1_000;
  const next = unit === 86_400_000 ? 3_600_000 : unit === 3_600_000 ? 60_000 : 1_000;
  return formatDuration(Math.max(1_000, Math.round(ms / next) * next));
}
