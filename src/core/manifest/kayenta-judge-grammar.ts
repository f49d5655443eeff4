import { z } from 'zod';
import { EFFECT_MEASURES, type KayentaSpec, kayentaSpecOf, NAN_STRATEGIES, OUTLIERS } from '../model/kayenta-spec.ts';
import { choice, duration, fields, label } from './fields.ts';

/** `judge: { name: kayenta }`: its words are those of a canary config, as `serin analysis compare` reads them. */

const percent = z.number('expected a percentage').min(0, 'expected 0 to 100').max(100, 'expected 0 to 100');
const limit = z.number('expected a number').min(0, 'expected at least 0').max(1_000_000, 'at most 1000000');
const analyses = z.array(label, 'expected a list of analyses').max(32, 'at most 32 analyses');
const span = duration({ min: '1s', max: '30d' }).optional();

export const KayentaJudgeGrammar: z.ZodType<KayentaSpec> = fields({
  name: z.literal('kayenta'),
  interval: duration({ min: '5s', max: '24h' }).optional(),
  sample: duration({ min: '1s', max: '1h' }).optional(),
  lifetime: span,
  lookback: span,
  pass: percent.optional(),
  marginal: percent.optional(),
  tolerance: limit.optional(),
  confidence: z
    .number('expected a number')
    .min(0.5, 'expected at least 0.5')
    .max(0.9999, 'expected at most 0.9999')
    .optional(),
  scaleTolerance: z.boolean('expected true or false').optional(),
  nanStrategy: choice(NAN_STRATEGIES).optional(),
  outliers: choice(OUTLIERS).optional(),
  outlierFactor: z.number('expected a number').gt(0, 'expected above 0').max(1_000, 'expected at most 1000').optional(),
  effectSize: fields({
    measure: choice(EFFECT_MEASURES).optional(),
    allowedIncrease: limit.optional(),
    criticalIncrease: limit.optional(),
  }).optional(),
  critical: analyses.optional(),
  mustHaveData: analyses.optional(),
  groupWeights: z
    .record(z.string(), percent, 'expected a mapping of analyses to percentages')
    .refine((weights) => Object.values(weights).reduce((sum, one) => sum + one, 0) <= 100, {
      message: 'the weights are above 100 together',
    })
    .optional(),
})
  .transform((given): KayentaSpec => kayentaSpecOf(given))
  .superRefine(({ intervalMs, sampleMs, pass, marginal }, ctx) => {
    if (intervalMs < sampleMs) ctx.addIssue({ code: 'custom', message: 'shorter than one sample', path: ['interval'] });
    if (marginal > pass) ctx.addIssue({ code: 'custom', message: 'above pass', path: ['marginal'] });
  });
