import { z } from 'zod';
import { SEQUENTIAL_DEFAULTS } from '../analysis/sequential/settings.ts';
import {
  INCONCLUSIVE_POLICIES,
  LAGGARD_POLICIES,
  NEW_REVISION_POLICIES,
  PLAN_DEFAULTS,
  type PlanSpec,
  type StepSpec,
} from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import { analysisList } from './analysis-grammar.ts';
import { choice, duration, fields, label } from './fields.ts';
import { looksLike } from './input-shape.ts';
import { checkJoint, hasBackend, jointFields, jointOf, NO_BACKEND } from './joint-grammar.ts';
import { JudgeGrammar } from './judge-grammar.ts';
import { ReadoutGrammar } from './readout-grammar.ts';
import { StepsGrammar } from './steps-grammar.ts';
import { StickyGrammar } from './sticky-grammar.ts';
import { variantNames } from './weights-grammar.ts';
import { WindowsGrammar } from './windows-grammar.ts';

/** Where a plan's steps come from; expanded in `parse-documents`. */
export const StrategyChoice = fields({
  use: z.string('expected the name of a strategy').optional(),
  with: z.record(z.string(), z.unknown(), 'expected a mapping of parameters').optional(),
  steps: looksLike(z.unknown(), { grammar: () => StepsGrammar }).optional(),
}).superRefine((raw, ctx) => {
  if ((raw.use === undefined) === (raw.steps === undefined)) {
    ctx.addIssue({ code: 'custom', message: 'expected either use (the name of a strategy) or steps' });
  }
  if (raw.steps !== undefined && raw.with !== undefined) {
    ctx.addIssue({ code: 'custom', message: 'parameters belong to use; inline steps take none', path: ['with'] });
  }
});

export const BakeGrammar = duration({ min: '10s', max: '7d' });

const PlanFields = fields({
  ...jointFields,
  variants: variantNames.optional(),
  strategy: StrategyChoice,
  sticky: StickyGrammar.optional(),
  analysis: analysisList.optional(),
  readout: ReadoutGrammar.optional(),
  judge: JudgeGrammar.optional(),
  deadline: duration({ min: '1s', max: '30d' }).optional(),
  inconclusiveAfter: duration({ min: '1s', max: '30d' }).optional(),
  onInconclusive: choice(INCONCLUSIVE_POLICIES).optional(),
  windows: WindowsGrammar.optional(),
  bake: BakeGrammar.optional(),
  keepWarm: duration({ min: '1m', max: '30d' }).optional(),
  nodataTimeout: duration({ min: '1s', max: '30d' }).optional(),
  ackTimeout: duration({ min: '1s', max: '1h' }).optional(),
  onLaggard: choice(LAGGARD_POLICIES).optional(),
  onNewRevision: choice(NEW_REVISION_POLICIES).optional(),
  onRollback: fields({ closeStreamsAfter: duration({ min: '1s', max: '30d' }).optional() }).optional(),
  notify: z.array(label, 'expected a list of notifiers').max(16, 'at most 16').optional(),
});

export const PlanGrammar = PlanFields.refine(hasBackend, NO_BACKEND).superRefine(checkJoint);

/** What is wrong with a plan's bake, its own or that of its strategy; `null`: nothing. */
export function bakeProblem({ bakeMs = 0, deadlineMs, strategy }: PlanSpec): string | null {
  if (strategy.steps.length === 0 && bakeMs === 0) return 'expected at least one step, or a bake';
  if (bakeMs < deadlineMs) return null;
  return `the bake has to end before the deadline of ${formatDuration(deadlineMs)}`;
}

/** The plan's word is that of the steps that have none of their own. */
function withSticky(steps: readonly StepSpec[], sticky: StepSpec['sticky']): readonly StepSpec[] {
  return sticky === undefined ? steps : steps.map((step) => ({ sticky, ...step }));
}

export function planSpec(
  raw: z.infer<typeof PlanGrammar>,
  { steps, bakeMs }: { readonly steps: readonly StepSpec[]; readonly bakeMs?: number },
): PlanSpec {
  const bake = raw.bake ?? bakeMs;
  return {
    ...jointOf(raw),
    ...(raw.variants === undefined ? {} : { variants: raw.variants }),
    strategy: { name: raw.strategy.use ?? 'inline', steps: withSticky(steps, raw.sticky) },
    analysis: raw.analysis ?? [],
    ...(raw.readout === undefined ? {} : { readout: raw.readout }),
    deadlineMs: raw.deadline ?? PLAN_DEFAULTS.deadlineMs,
    inconclusiveAfterMs: raw.inconclusiveAfter ?? PLAN_DEFAULTS.inconclusiveAfterMs,
    onInconclusive: raw.onInconclusive ?? 'rollback',
    // In the order in which it comes back from the store: whether an apply changes a plan is told by the letter.
    ...(raw.windows === undefined ? {} : { windows: raw.windows }),
    ...(bake === undefined ? {} : { bakeMs: bake }),
    ...(raw.keepWarm === undefined ? {} : { keepWarmMs: raw.keepWarm }),
    nodataTimeoutMs: raw.nodataTimeout ?? SEQUENTIAL_DEFAULTS.nodataTimeoutMs,
    judge: raw.judge ?? { name: 'sequential' },
    ackTimeoutMs: raw.ackTimeout ?? PLAN_DEFAULTS.ackTimeoutMs,
    onLaggard: raw.onLaggard ?? 'hold',
    onNewRevision: raw.onNewRevision ?? PLAN_DEFAULTS.onNewRevision,
    onRollback: { closeStreamsAfterMs: raw.onRollback?.closeStreamsAfter ?? null },
    notify: [...new Set(raw.notify ?? [])],
  };
}
