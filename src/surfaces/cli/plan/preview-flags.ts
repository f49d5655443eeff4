import type { Command } from 'commander';
import type { Document, PlanDocument } from '../../../core/model/documents.ts';
import type { PlanPreview } from '../../../core/traffic/compile-plan.ts';
import type { PreviewStep } from '../../../core/traffic/preview-step.ts';

export interface PreviewFlags {
  readonly plan?: string;
  readonly revision?: string;
  readonly stable?: string;
}

/** Which plan, and of what it makes resources. */
export function previewFlags(command: Command): Command {
  return command
    .option('--plan <name>', 'the plan, where the files have several')
    .option('--revision <name>', 'name of the revision that it rolls out (default: canary)')
    .option('--stable <name>', 'name of the revision that is stable (default: initial of the Backend)');
}

export function previewOf(documents: readonly Document[], plan: PlanDocument, flags: PreviewFlags): PlanPreview {
  return { documents, plan, revision: flags.revision ?? 'canary', stable: flags.stable ?? null };
}

/** As `--step` takes it, counted from 1. */
export function stepNumber(step: PreviewStep): number | 'promoted' {
  if (step === 'preparing') return 0;
  return step === 'promoting' ? 'promoted' : step + 1;
}

export function stepName({ spec }: PlanDocument, step: PreviewStep): string | null {
  return typeof step === 'number' ? (spec.strategy.steps[step]?.name ?? null) : null;
}

/** `0 (before)`, `1 (testers)`, `promoted`. */
export function stepText(plan: PlanDocument, step: PreviewStep): string {
  if (step === 'promoting') return 'promoted';
  return `${stepNumber(step)} (${stepName(plan, step) ?? 'before'})`;
}
