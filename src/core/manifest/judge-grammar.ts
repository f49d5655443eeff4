import { z } from 'zod';
import { ARGO_LIMITS } from '../analysis/threshold/argo.ts';
import type { JudgeSpec, RelativeLimit } from '../model/analysis-spec.ts';
import { didYouMean } from '../model/suggest.ts';
import { defined, duration, fields, label } from './fields.ts';
import { looksLike } from './input-shape.ts';
import { KayentaJudgeGrammar } from './kayenta-judge-grammar.ts';

/** `judge` of a plan, and what its analyses may say to the judges. */

const whole = (min: number): z.ZodNumber =>
  z.int('expected a whole number').min(min, `expected at least ${min}`).max(1_000_000, 'at most 1000000');
const interval = duration({ min: '10s', max: '1h' }).optional();

/** Of the sequential judge, in plans and in recordings. */
export const unit: z.ZodNumber = z.number('expected a number').gt(0, 'expected above 0').lt(1, 'expected below 1');
export const above: z.ZodNumber = z
  .number('expected a number')
  .gt(1, 'expected above 1')
  .max(1_000, 'expected at most 1000');

/** Classes and codes of answers; a code may be written as a number. Each code is a series per Envoy and arm. */
export const countedAnswers: z.ZodType<readonly string[]> = z
  .array(
    z
      .union([z.string(), z.number()])
      .transform(String)
      .pipe(z.string().regex(/^[1-5](xx|\d\d)$/, 'expected a class or a code, such as 5xx or 429')),
    'expected classes and codes, such as [5xx, 429]',
  )
  .min(1, 'expected at least one')
  .max(5, 'at most 5');

const JUDGES = {
  sequential: fields({
    name: z.literal('sequential'),
    alpha: unit.optional(),
    margin: above.optional(),
    mde: above.optional(),
    skipAfter: duration({ min: '10m', max: '30d' }).optional(),
  }).transform(
    ({ name, alpha, margin, mde, skipAfter }): JudgeSpec =>
      defined({ name, alpha, margin, mde, skipAfterMs: skipAfter }),
  ),
  threshold: fields({ name: z.literal('threshold') }).transform((): JudgeSpec => ({ name: 'threshold' })),
  flagger: fields({ name: z.literal('flagger'), threshold: whole(-1_000_000).optional(), interval }).transform(
    ({ threshold = 1, interval: intervalMs = 60_000 }): JudgeSpec => ({ name: 'flagger', threshold, intervalMs }),
  ),
  argo: fields({
    name: z.literal('argo'),
    interval,
    failureLimit: whole(-1).optional(),
    inconclusiveLimit: whole(0).optional(),
    consecutiveErrorLimit: whole(0).optional(),
    consecutiveSuccessLimit: whole(0).optional(),
    count: whole(0).optional(),
    dryRun: z.array(label, 'expected a list of analyses').max(32, 'at most 32 analyses').optional(),
  }).transform((given): JudgeSpec => {
    const { interval: intervalMs = 60_000, count, dryRun = [] } = given;
    return {
      name: 'argo',
      intervalMs,
      failureLimit: given.failureLimit ?? ARGO_LIMITS.failureLimit,
      inconclusiveLimit: given.inconclusiveLimit ?? ARGO_LIMITS.inconclusiveLimit,
      consecutiveErrorLimit: given.consecutiveErrorLimit ?? ARGO_LIMITS.consecutiveErrorLimit,
      consecutiveSuccessLimit: given.consecutiveSuccessLimit ?? ARGO_LIMITS.consecutiveSuccessLimit,
      count: count === undefined || count === 0 ? null : count,
      dryRun,
    };
  }),
  kayenta: KayentaJudgeGrammar,
};
const NAMES = Object.keys(JUDGES);

/** Each judge gets the errors of its own settings only. */
export const JudgeGrammar: z.ZodType<JudgeSpec> = z.unknown().transform((value, ctx): JudgeSpec => {
  const given = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
  const judge = NAMES.includes(String(given)) ? JUDGES[String(given) as keyof typeof JUDGES] : undefined;
  if (judge === undefined) {
    const meant = typeof given === 'string' ? didYouMean(given, NAMES) : '';
    ctx.addIssue({ code: 'custom', message: `expected one of ${NAMES.join(', ')}.${meant}`, path: ['name'] });
    return z.NEVER;
  }
  const parsed = judge.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const key = issue.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : [];
    ctx.addIssue({ code: 'custom', message: issue.message, path: [...issue.path, ...key] });
  }
  return z.NEVER;
});

looksLike(JudgeGrammar, { grammar: () => z.union(Object.values(JUDGES)) });

/** The canary against stable: at most `factor` times its value, plus `offset`. */
export const relativeLimit: z.ZodType<RelativeLimit> = fields({
  factor: z.number('expected a number').min(0, 'expected at least 0').max(1_000, 'at most 1000').optional(),
  offset: z.number('expected a number').optional(),
}).transform(({ factor = 1, offset = 0 }) => ({ factor, offset }));
