import { type StepSpec, TOTAL_WEIGHT } from '../../model/documents.ts';
import { formatDuration } from '../../model/duration.ts';
import { percent } from '../../model/percent.ts';
import { type Finding, finding } from './finding.ts';
import {
  approvalPath,
  fourScrapesMs,
  inForce,
  type PlanUnderLint,
  scrapeWords,
  stepPath,
  webhookPath,
} from './plan-under-lint.ts';

const LARGE_START = 2_500;
const HALF = 5_000;

export function lintSteps(plan: PlanUnderLint): Finding[] {
  const { from, steps } = plan;
  const each = steps.flatMap((step, i) => [
    ...lintHold(plan, step, i),
    ...lintUse(plan, step, i),
    ...lintName(plan, step, i),
    ...lintWebhook(plan, step, i),
    ...lintApproval(plan, step, i),
  ]);
  const first = steps.find(({ weight }) => weight > 0);
  const last = steps.at(-1);
  const found: Finding[] = [];
  // A test of two arms wants both of them large.
  if (first !== undefined && first.sticky === undefined && first.weight > LARGE_START && first.weight < TOTAL_WEIGHT) {
    const path = stepPath(plan, steps.indexOf(first), 'weight');
    found.push(finding('large-first-step', from, path, `the first step gives ${percent(first.weight)} at once`));
  }
  // Several arms share the requests, and each of them is compared at what it has.
  if (last !== undefined && plan.spec.variants === undefined && last.weight > 0 && last.weight < HALF) {
    const path = stepPath(plan, steps.length - 1, 'weight');
    found.push(finding('jump-to-all', from, path, `from ${percent(last.weight)} it goes to all requests at once`));
  }
  return [...each, ...found];
}

function lintHold(plan: PlanUnderLint, step: StepSpec, index: number): Finding[] {
  const { from } = plan;
  const least = fourScrapesMs(plan);
  const path = stepPath(plan, index, 'hold');
  const { name, holdMs } = step;
  const judged = inForce(plan, step).length > 0;
  if (holdMs === 0 && !step.approve && step.until === undefined && step.webhook === undefined && !judged) {
    return [finding('no-hold', from, path, `step ${name} is over as soon as it is live`)];
  }
  const before = plan.steps[index - 1];
  const goesOn = before?.weight === step.weight && before.mirror === step.mirror && before.holdMs >= least;
  if (!judged || holdMs >= least || step.approve || goesOn) return [];
  const message = `step ${name} is held for ${formatDuration(holdMs)}, ${scrapeWords(plan, 4)}`;
  return [finding('hold-below-scrapes', from, path, message)];
}

/** The deadline of the plan comes first then, and what it says about it is another thing. */
function lintWebhook(plan: PlanUnderLint, { name, webhook }: StepSpec, index: number): Finding[] {
  const { deadlineMs } = plan.spec;
  if (webhook?.withinMs == null || webhook.withinMs < deadlineMs) return [];
  const words = `step ${name} gives its hook ${formatDuration(webhook.withinMs)}`;
  const message = `${words}, the deadline is ${formatDuration(deadlineMs)} from the start`;
  return [finding('webhook-beyond-deadline', plan.from, webhookPath(plan, index, 'within'), message)];
}

/** The same of a person. */
function lintApproval(plan: PlanUnderLint, { name, approval }: StepSpec, index: number): Finding[] {
  const { deadlineMs } = plan.spec;
  if (approval?.withinMs == null || approval.withinMs < deadlineMs) return [];
  const words = `step ${name} gives whoever approves ${formatDuration(approval.withinMs)}`;
  const message = `${words}, the deadline is ${formatDuration(deadlineMs)} from the start`;
  return [finding('approval-beyond-deadline', plan.from, approvalPath(plan, index), message)];
}

/** Whoever says `rollout jump --to` means one of them. */
function lintName({ from, steps, ...plan }: PlanUnderLint, { name }: StepSpec, index: number): Finding[] {
  const first = steps.findIndex((step) => step.name === name);
  if (first === index) return [];
  const message = `step ${index + 1} is called ${name}, as step ${first + 1} is`;
  return [finding('step-name-twice', from, stepPath({ from, steps, ...plan }, index, 'name'), message)];
}

/** A step that changes nothing and asks nothing, not even time. */
function lintUse(plan: PlanUnderLint, step: StepSpec, index: number): Finding[] {
  const { from, steps } = plan;
  const before = steps[index - 1];
  const asks = step.approve || step.until !== undefined || step.webhook !== undefined || step.analysis.length > 0;
  const sameMatches = JSON.stringify(step.matches) === JSON.stringify(before?.matches ?? []);
  const iterates = before !== undefined && (step.holdMs > 0 || plan.spec.strategy.name !== 'inline');
  const isNew = step.mirror !== before?.mirror || JSON.stringify(step.headers) !== JSON.stringify(before?.headers);
  if (asks || iterates || isNew || step.weight !== (before?.weight ?? 0) || !sameMatches) return [];
  const path = stepPath(plan, index, 'weight');
  const message = before === undefined ? 'sends nobody to the canary' : `changes nothing after ${before.name}`;
  return [finding('idle-step', from, path, `step ${step.name} ${message}`)];
}
