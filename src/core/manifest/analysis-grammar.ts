import { z } from 'zod';
import type { AnalysisSpec } from '../model/analysis-spec.ts';
import { didYouMean } from '../model/suggest.ts';
import { duration, fields, fraction, label } from './fields.ts';
import { looksLike } from './input-shape.ts';
import { countedAnswers, relativeLimit } from './judge-grammar.ts';
import { query } from './query-grammar.ts';

export const minRequests = z
  .int('expected a whole number')
  .min(1, 'expected at least 1')
  .max(10_000_000, 'at most 10000000');

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

export const analysisList = z.array(AnalysisGrammar, 'expected a list of analyses').max(32, 'at most 32 analyses');
