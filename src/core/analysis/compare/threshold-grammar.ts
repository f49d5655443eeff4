import { z } from 'zod';
import { fields } from '../../manifest/fields.ts';
import type { Answer, Range } from '../threshold/argo-measurement.ts';

/** Files of `serin analysis compare` for the judges that hold one value after the other against limits. */

const MAX_MEASUREMENTS = 100_000;
const MAX_VALUES = 1_000;

const whole = (min: number, max: number): z.ZodNumber =>
  z.int('expected a whole number').min(min, `expected at least ${min}`).max(max, `expected at most ${max}`);
const limit = whole(-1_000_000, 1_000_000).nullish();

const NUMBERS = 'expected a number, "NaN", "+Inf", "-Inf" or a list of them';
const number: z.ZodType<number> = z.unknown().transform((value, ctx) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const word = typeof value === 'string' ? /^([+-]?)(nan|inf(?:inity)?)$/i.exec(value) : null;
  if (word?.[2]?.toLowerCase() === 'nan') return Number.NaN;
  if (word !== null) return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  ctx.addIssue({ code: 'custom', message: NUMBERS });
  return z.NEVER;
});

const range: z.ZodType<Range | null> = fields({
  min: z.number('expected a number').nullish(),
  max: z.number('expected a number').nullish(),
})
  .nullish()
  .transform((given) => (given == null ? null : { min: given.min ?? null, max: given.max ?? null }))
  .refine((given) => given === null || (given.min ?? -Infinity) <= (given.max ?? Infinity), 'min is above max');

const answer: z.ZodType<Answer> = z
  .looseObject(
    {
      value: z.union([z.array(number).max(MAX_VALUES), number], NUMBERS).nullish(),
      empty: z.boolean().optional(),
      error: z.unknown().optional(),
    },
    'expected a mapping with value, empty, error or phase',
  )
  .transform(({ value, empty, error }, ctx): Answer => {
    if (empty === true || (error !== undefined && error !== null && error !== false) || value === null)
      return { kind: 'none' };
    if (value !== undefined) return { kind: 'value', value };
    ctx.addIssue({ code: 'custom', message: 'expected one of value, empty, error, phase' });
    return z.NEVER;
  });

/** `phase`: the outcome is given, nothing is evaluated. */
function measurement<P extends string>(
  phases: readonly P[],
): z.ZodType<Answer | { readonly kind: 'phase'; readonly phase: P }> {
  const given = z.looseObject({ phase: z.string() });
  return z.unknown().transform((value, ctx) => {
    const stated = given.safeParse(value);
    if (stated.success) {
      const phase = phases.find((known) => known === stated.data.phase.toUpperCase());
      if (phase !== undefined) return { kind: 'phase' as const, phase };
      ctx.addIssue({ code: 'custom', message: `expected one of ${phases.join(', ')}`, path: ['phase'] });
      return z.NEVER;
    }
    const parsed = answer.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const { message, path } of parsed.error.issues) ctx.addIssue({ code: 'custom', message, path: [...path] });
    return z.NEVER;
  });
}

function measurements<P extends string>(phases: readonly P[]) {
  return z
    .array(measurement(phases), 'expected a list of measurements')
    .max(MAX_MEASUREMENTS, `at most ${MAX_MEASUREMENTS} measurements`);
}

export const ArgoComparison = z
  .looseObject(
    {
      limits: fields({
        failureLimit: limit,
        inconclusiveLimit: limit,
        consecutiveErrorLimit: limit,
        consecutiveSuccessLimit: limit,
        count: whole(0, 1_000_000).nullish(),
        interval: z.union([z.string(), z.number(), z.boolean()], 'expected a duration').nullish(),
      }).nullish(),
      success: range,
      failure: range,
      measurements: measurements(['S', 'F', 'I', 'E']),
    },
    'expected a mapping with limits, success, failure and measurements',
  )
  .transform(({ limits, ...rest }) => ({ ...rest, limits: limits ?? {} }));
export type ArgoComparison = z.infer<typeof ArgoComparison>;

const percent = z.number('expected a percentage').min(0, 'expected 0 to 100').max(100, 'expected 0 to 100');

export const FlaggerComparison = z.looseObject(
  {
    limits: fields({
      threshold: limit,
      stepWeight: percent.nullish(),
      stepWeights: z.array(percent, 'expected a list of percentages').max(100, 'at most 100 weights').nullish(),
      maxWeight: percent.nullish(),
      stepWeightPromotion: percent.nullish(),
    }).refine(
      ({ stepWeight, stepWeights }) => (stepWeight ?? 0) > 0 || (stepWeights ?? []).length > 0,
      'expected stepWeight or stepWeights: without them the weight stays 0 and nothing is ever checked',
    ),
    success: range,
    failure: range,
    measurements: measurements(['P', 'F', 'S', 'I', 'E']),
  },
  'expected a mapping with limits, success, failure and measurements',
);
export type FlaggerComparison = z.infer<typeof FlaggerComparison>;
