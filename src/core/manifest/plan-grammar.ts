import { z } from 'zod';
import { type AnalysisSpec, LAGGARD_POLICIES, type PlanSpec, type StepSpec } from '../model/documents.ts';
import { didYouMean } from '../model/suggest.ts';
import { choice, documentName, duration, fields, fraction, label, pinMatches, text, weight } from './fields.ts';
import { checkTemplate, QUERY_NAMES } from './render-query.ts';

const minRequests = z.int('expected a whole number').min(1, 'expected at least 1').max(10_000_000, 'at most 10000000');

const errorRate = fields({ max: fraction.optional(), minRequests: minRequests.optional() });
const latency = fields({
  objective: duration({ min: '1ms', max: '1h' }),
  max: fraction.optional(),
  minRequests: minRequests.optional(),
});
const BUILT_IN = ['error-rate', 'latency'] as const;

const custom = fields({
  name: label,
  query: text(8_192).superRefine((query, ctx) => {
    const wrong = checkTemplate(query, QUERY_NAMES);
    if (wrong !== null) ctx.addIssue({ code: 'custom', message: wrong });
  }),
  min: z.number('expected a number').optional(),
  max: z.number('expected a number').optional(),
  window: duration({ min: '1s', max: '1h' }).optional(),
}).superRefine(({ min, max }, ctx) => {
  if (min === undefined && max === undefined)
    ctx.addIssue({ code: 'custom', message: 'expected a limit: min, max or both' });
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
    const { name, query, min = null, max = null, window = 60_000 } = raw;
    return { kind: 'query', name, query, windowMs: window, min, max };
  }
  const raw = relay(fields({ use: z.unknown(), name: label.optional(), with: z.unknown().optional() }), value, []);
  if (raw === undefined) return z.NEVER;
  if (use === 'error-rate') {
    const given = relay(errorRate, raw.with ?? {}, ['with']);
    if (given === undefined) return z.NEVER;
    return { kind: use, name: raw.name ?? use, max: given.max ?? 0.01, minRequests: given.minRequests ?? 200 };
  }
  if (use === 'latency') {
    const given = relay(latency, raw.with ?? {}, ['with']);
    if (given === undefined) return z.NEVER;
    const { objective: objectiveMs, max = 0.01, minRequests: least = 200 } = given;
    return { kind: use, name: raw.name ?? use, objectiveMs, max, minRequests: least };
  }
  const meant = typeof use === 'string' ? didYouMean(use, BUILT_IN) : '';
  ctx.addIssue({ code: 'custom', message: `expected one of ${BUILT_IN.join(', ')}.${meant}`, path: ['use'] });
  return z.NEVER;
});

/** Passes an inner issue on with its path, keeping what tells an unknown key from a bad value. */
export function relayIssue(ctx: z.RefinementCtx, issue: z.core.$ZodIssue, at: readonly PropertyKey[]): void {
  const key = issue.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : [];
  ctx.addIssue({ code: 'custom', message: issue.message, path: [...at, ...issue.path, ...key] });
}

const analysisList = z.array(AnalysisGrammar, 'expected a list of analyses').max(32, 'at most 32 analyses');

const step = fields({
  name: label.optional(),
  weight,
  matches: pinMatches.optional(),
  hold: duration({ max: '30d' }).optional(),
  approve: z.boolean('expected true or false').optional(),
  analysis: analysisList.optional(),
});

/** A list of steps, inline or expanded from a strategy. */
export const StepsGrammar: z.ZodType<readonly StepSpec[]> = z
  .array(step, 'expected a list of steps')
  .min(1, 'expected at least one step')
  .max(50, 'at most 50 steps')
  .transform((steps) =>
    steps.map(
      (raw, i): StepSpec => ({
        name: raw.name ?? `step-${i + 1}`,
        weight: raw.weight,
        matches: raw.matches ?? [],
        holdMs: raw.hold ?? 0,
        approve: raw.approve ?? false,
        analysis: raw.analysis ?? [],
      }),
    ),
  )
  .superRefine((steps, ctx) => {
    steps.forEach((current, i) => {
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
  steps: z.unknown().optional(),
}).superRefine((raw, ctx) => {
  if ((raw.use === undefined) === (raw.steps === undefined)) {
    ctx.addIssue({ code: 'custom', message: 'expected either use (the name of a strategy) or steps' });
  }
  if (raw.steps !== undefined && raw.with !== undefined) {
    ctx.addIssue({ code: 'custom', message: 'parameters belong to use; inline steps take none', path: ['with'] });
  }
});

export const PlanGrammar = fields({
  backend: documentName,
  strategy: StrategyChoice,
  analysis: analysisList.optional(),
  deadline: duration({ min: '1s', max: '30d' }).optional(),
  inconclusiveAfter: duration({ min: '1s', max: '30d' }).optional(),
  ackTimeout: duration({ min: '1s', max: '1h' }).optional(),
  onLaggard: choice(LAGGARD_POLICIES).optional(),
  onRollback: fields({ closeStreamsAfter: duration({ min: '1s', max: '30d' }).optional() }).optional(),
  notify: z.array(label, 'expected a list of notifiers').max(16, 'at most 16').optional(),
});

/** Two analyses of one name in force at once: answers and verdicts are kept by name. `path` is within the spec. */
export function doubleNames(
  analysis: readonly AnalysisSpec[],
  steps: readonly StepSpec[],
): { readonly path: string; readonly message: string }[] {
  const doubles = (own: readonly AnalysisSpec[], path: string, taken: ReadonlySet<string>) => {
    const seen = new Set(taken);
    return own.flatMap(({ name }, i) => {
      const message = `two analyses are named "${name}"; give one a name`;
      const double = seen.has(name) ? [{ path: `${path}[${i}]`, message }] : [];
      seen.add(name);
      return double;
    });
  };
  const names = new Set(analysis.map(({ name }) => name));
  return [
    ...doubles(analysis, 'analysis', new Set()),
    ...steps.flatMap((step, i) => doubles(step.analysis, `strategy.steps[${i}].analysis`, names)),
  ];
}

export function planSpec(raw: z.infer<typeof PlanGrammar>, steps: readonly StepSpec[]): PlanSpec {
  return {
    backend: raw.backend,
    strategy: { name: raw.strategy.use ?? 'inline', steps },
    analysis: raw.analysis ?? [],
    deadlineMs: raw.deadline ?? 86_400_000,
    inconclusiveAfterMs: raw.inconclusiveAfter ?? 600_000,
    ackTimeoutMs: raw.ackTimeout ?? 30_000,
    onLaggard: raw.onLaggard ?? 'hold',
    onRollback: { closeStreamsAfterMs: raw.onRollback?.closeStreamsAfter ?? null },
    notify: [...new Set(raw.notify ?? [])],
  };
}
