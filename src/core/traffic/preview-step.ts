import type { PlanSpec } from '../model/documents.ts';
import { fail, ok, type Result } from '../model/errors.ts';
import { stepList, stepNamed, unnamedStep } from '../model/step-named.ts';

/** Where a rollout stands: at a step, counted from 0, before the first one, or behind the last. */
export type PreviewStep = number | 'preparing' | 'promoting';

/** A step of a plan: its number from 1, its name, 0 for what comes before the first, or `promoted`. */
export function parsePreviewStep(spec: PlanSpec, text: string): Result<PreviewStep> {
  const index = stepNamed(spec.strategy.steps, text);
  if (index !== null) return ok(index);
  if (text === 'promoted') return ok('promoting');
  if (/^0{1,3}$/.test(text)) return ok('preparing');
  const hint = `Steps: ${previewStepNames(spec)}`;
  return fail('SERIN_REQUEST_INVALID', unnamedStep(spec.strategy.steps, text), { hint: hint.slice(0, 600) });
}

export function previewStepNames({ strategy }: PlanSpec): string {
  return `${stepList(strategy.steps)}; 0 comes before, promoted after.`;
}
