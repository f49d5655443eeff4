import { z } from 'zod';
import { SEQUENTIAL_DEFAULTS } from '../analysis/sequential/settings.ts';
import type { AnalysisSpec } from '../model/analysis-spec.ts';
import {
  INCONCLUSIVE_POLICIES,
  LAGGARD_POLICIES,
  NEW_REVISION_POLICIES,
  PLAN_DEFAULTS,
  type PlanSpec,
  type StepSpec,
  type UntilSpec,
} from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import { didYouMean } from '../model/suggest.ts';
import { ApprovalGrammar } from './approval-grammar.ts';
import { choice, duration, fields, fraction, label, weight } from './fields.ts';
import { looksLike } from './input-shape.ts';
import { checkJoint, hasBackend, jointFields, jointOf, NO_BACKEND } from './joint-grammar.ts';
import { countedAnswers, JudgeGrammar, relativeLimit } from './judge-grammar.ts';
import { pinMatches } from './match-grammar.ts';
import { query } from './query-grammar.ts';
import { ReadoutGrammar } from './readout-grammar.ts';
import { headerChanges } from './rule-action-grammar.ts';
import { StickyGrammar } from './sticky-grammar.ts';
import { WebhookGrammar } from './webhook-grammar.ts';
import { WindowsGrammar } from './windows-grammar.ts';

const minRequests = z.int('expected a whole number').min(1, 'expected at least 1').max(10_000_000, 'at most 10000000');

/** So long an analysis looks back, where it looks back at all. */
export const DEFAULT_WINDOW_MS = 60_000;
const window = duration({ min: '1s', max: '1h' }).optional();
const share = {
  max: fraction.optional(),
  min: fraction.optional(),
  minRequests: minRequests.optional(),
  relative: relativeLimit.optional(),
  window,
};
const errorRate = fields({ ...share, count: countedAnswers.optional(), floor: fraction.optional() });
const latency = fields({
  objective: duration({ min: '1ms', max: '1h' }).optional(),
  ...share,
  warmup: duration({ max: '1h' }).optional(),
});
const BUILT_IN = ['error-rate', 'latency'] as const;

const custom = fields({
  name: label,
  query: query(),
  baseline: query().optional(),
  relative: relativeLimit.optional(),
  min: z.number('expected a number').optional(),
  max: z.number('expected a number').optional(),
  window,
}).superRefine(({ min, max, baseline, relative }, ctx) => {
  if (min === undefined && max === undefined && relative === undefined)
    ctx.addIssue({ code: 'custom', message: 'expected a limit: min, max or relative' });
  if (baseline !== undefined && relative === undefined)
    ctx.addIssue({
      code: 'custom',
      message: 'a baseline is compared by relative, which is missing',
      path: ['baseline'],
    });
  if (min !== undefined && max !== undefined && min > max)
    ctx.addIssue({ code: 'custom', message: 'min is above max', path: ['min'] });
});

/** Entries have two shapes, told apart by `use`; each gets the errors of its own shape only. */
export const AnalysisGrammar: z.ZodType<AnalysisSpec> = z.unknown().transform((value, ctx): AnalysisSpec => {
  const relay = <T>(schema: z.ZodType<T>, input: unknown, at: readonly PropertyKey[]): T => {
    const parsed = schema.safeParse(input);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) relayIssue(ctx, issue, at);
    return z.NEVER;
  };
  const use = typeof value === 'object' && value !== null && 'use' in value ? value.use : undefined;
  if (use === undefined) {
    const raw = relay(custom, value, []);
    if (raw === undefined) return z.NEVER;
    const {
      name,
      query: template,
      min = null,
      max = null,
      window: windowMs = DEFAULT_WINDOW_MS,
      baseline,
      relative,
    } = raw;
    const against = relative === undefined ? {} : { relative, ...(baseline === undefined ? {} : { baseline }) };
    return { kind: 'query', name, query: template, windowMs, min, max, ...against };
  }
  const raw = relay(fields({ use: z.unknown(), name: label.optional(), with: z.unknown().optional() }), value, []);
  if (raw === undefined) return z.NEVER;
  if (use === 'error-rate') {
    const given = relay(errorRate, raw.with ?? {}, ['with']);
    if (given === undefined) return z.NEVER;
    const { count, floor } = given;
    return {
      ...{ kind: use, name: raw.name ?? use, ...shareOf(given) },
      ...(count === undefined ? {} : { count }),
      ...(floor === undefined ? {} : { floor }),
    };
  }
  if (use === 'latency') {
    const given = relay(latency, raw.with ?? {}, ['with']);
    if (given === undefined) return z.NEVER;
    return {
      ...{ kind: use, name: raw.name ?? use, objectiveMs: given.objective ?? null, ...shareOf(given) },
      ...(given.warmup === undefined ? {} : { warmupMs: given.warmup }),
    };
  }
  const meant = typeof use === 'string' ? didYouMean(use, BUILT_IN) : '';
  ctx.addIssue({ code: 'custom', message: `expected one of ${BUILT_IN.join(', ')}.${meant}`, path: ['use'] });
  return z.NEVER;
});

looksLike(AnalysisGrammar, {
  grammar: () =>
    z.union([
      fields({ use: z.literal('error-rate'), name: label.optional(), with: errorRate.optional() }),
      fields({ use: z.literal('latency'), name: label.optional(), with: latency.optional() }),
      custom,
    ]),
});

function shareOf({ max, min, minRequests: least, relative, window: windowMs }: z.infer<z.ZodObject<typeof share>>) {
  return {
    max: max ?? defaultMax(relative),
    ...(max === undefined ? {} : { ceiling: max }),
    ...(min === undefined ? {} : { min }),
    minRequests: least ?? null,
    ...(relative === undefined ? {} : { relative }),
    windowMs: windowMs ?? DEFAULT_WINDOW_MS,
  };
}

/** Of judges with fixed limits. Where only a relative limit is given, the fixed one is out of the way. */
export function defaultMax(relative: unknown): number {
  return relative === undefined ? 0.01 : 1;
}

/** Passes an inner issue on with its path, keeping what tells an unknown key from a bad value. */
export function relayIssue(ctx: z.RefinementCtx, issue: z.core.$ZodIssue, at: readonly PropertyKey[]): void {
  const key = issue.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : [];
  ctx.addIssue({ code: 'custom', message: issue.message, path: [...at, ...issue.path, ...key] });
}

const analysisList = z.array(AnalysisGrammar, 'expected a list of analyses').max(32, 'at most 32 analyses');

const until = fields({
  requests: minRequests.optional(),
  regression: z.number('expected a number').min(1.5, 'expected at least 1.5').max(100, 'at most 100').optional(),
  atMost: duration({ min: '1s', max: '30d' }).optional(),
}).superRefine(({ requests, regression }, ctx) => {
  if (requests === undefined && regression === undefined)
    ctx.addIssue({ code: 'custom', message: 'expected requests, regression or both' });
});

const step = fields({
  name: label.optional(),
  weight,
  matches: pinMatches.optional(),
  hold: duration({ max: '30d' }).optional(),
  approve: z.boolean('expected true or false').optional(),
  approval: ApprovalGrammar.optional(),
  webhook: WebhookGrammar.optional(),
  sticky: StickyGrammar.optional(),
  mirror: fields({ percent: weight }).optional(),
  headers: headerChanges.optional(),
  until: until.optional(),
  analysis: analysisList.optional(),
});

function untilOf({ requests, regression, atMost }: z.infer<typeof until>): UntilSpec {
  return {
    requests: requests ?? null,
    regression: regression ?? null,
    atMostMs: atMost ?? null,
  };
}

/** A list of steps, inline or expanded from a strategy. */
export const StepsGrammar: z.ZodType<readonly StepSpec[]> = z
  .array(step, 'expected a list of steps')
  .max(50, 'at most 50 steps')
  .transform((steps) =>
    steps.map(
      (raw, i): StepSpec => ({
        name: raw.name ?? `step-${i + 1}`,
        weight: raw.weight,
        matches: raw.matches ?? [],
        holdMs: raw.hold ?? 0,
        approve: raw.approve ?? raw.approval !== undefined,
        ...(raw.approval === undefined || raw.approve === false ? {} : { approval: raw.approval }),
        ...(raw.webhook === undefined ? {} : { webhook: raw.webhook }),
        ...(raw.sticky === undefined ? {} : { sticky: raw.sticky }),
        ...(raw.mirror === undefined || raw.mirror.percent === 0 ? {} : { mirror: raw.mirror.percent }),
        ...(raw.headers === undefined ? {} : { headers: raw.headers }),
        ...(raw.until === undefined ? {} : { until: untilOf(raw.until) }),
        analysis: raw.analysis ?? [],
      }),
    ),
  )
  .superRefine((steps, ctx) => {
    steps.forEach((current, i) => {
      if (current.mirror !== undefined && current.weight > 0) {
        const message = 'copies go to a canary without requests of its own: mirror is for weight 0';
        ctx.addIssue({ code: 'custom', message, path: [i, 'mirror'] });
      }
      // The plan's own word is for all of its steps, whichever split: it is filled in later.
      if (current.sticky !== undefined && current.weight === 0) {
        const message =
          'at weight 0 nobody gets an arm to stay with: say sticky in steps with a weight, or in the plan';
        ctx.addIssue({ code: 'custom', message, path: [i, 'sticky'] });
      }
      const before = steps[i - 1];
      if (before === undefined || current.weight >= before.weight) return;
      const message = `the weight falls from ${before.weight / 100} to ${current.weight / 100}: steps only rise`;
      ctx.addIssue({ code: 'custom', message, path: [i, 'weight'] });
    });
  });

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
