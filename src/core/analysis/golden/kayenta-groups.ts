import { z } from 'zod';
import { EFFECT_MEASURES } from '../../model/kayenta-spec.ts';
import { classifyMetric } from '../kayenta/classify.ts';
import { scoreMetrics } from '../kayenta/score.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { count, listOf, number, positive, probability } from './input-fields.ts';

const samples = listOf(number.nullable()).transform((values) => values.map((value) => value ?? Number.NaN));
const limits = z
  .tuple([number, number], 'expected [decrease, increase]')
  .transform(([decrease, increase]) => ({ decrease, increase }));

const Samples = z.object({
  baseline: samples,
  canary: samples,
  direction: z.enum(['increase', 'decrease', 'either']).default('either'),
  tolerance: count.default(0.25),
  confidence: probability.default(0.98),
  effectMeasure: z.enum(EFFECT_MEASURES).default('meanRatio'),
  allowed: limits.optional(),
  critical: z.boolean().default(false),
  criticalLimits: limits.optional(),
  nanStrategy: z.enum(['remove', 'replace']).default('remove'),
  mustHaveData: z.boolean().default(false),
  outliers: z.enum(['keep', 'remove']).default('keep'),
  outlierFactor: positive.default(3),
  scaleTolerance: z.boolean().default(false),
});

const LABELS = ['Pass', 'High', 'Low', 'Nodata', 'NodataFailMetric', 'Error'] as const;
const percent = number.refine((value) => value >= 0 && value <= 100, 'expected a number from 0 to 100');

const Score = z.object({
  results: listOf(
    z.object({
      label: z.enum(LABELS),
      groups: z.array(z.string()).max(100),
      critical: z.boolean().default(false),
      muted: z.boolean().default(false),
    }),
  ),
  groupWeights: z.record(z.string(), percent).default({}),
  passing: percent.default(95),
  marginal: percent.default(75),
});

export const KAYENTA_GROUPS: readonly Evaluator[] = [
  ...['mw_high', 'mw_spike_8_of_10', 'mw_cles', 'mw_identical'].map((group) =>
    evaluator('kayenta', group, Samples, classify),
  ),
  evaluator('kayenta', 'kayenta_score', Score, ({ results, groupWeights, passing, marginal }) => {
    const rules = { groupWeights: new Map(Object.entries(groupWeights)), pass: passing, marginal };
    const { score, classification } = scoreMetrics(results, rules);
    return { score, classification };
  }),
];

/** Interval and effect stand there where the arms were compared at all. */
function classify(input: z.infer<typeof Samples>) {
  const neutral = input.effectMeasure === 'cles' ? 0.5 : 1;
  const unlimited = { decrease: neutral, increase: neutral };
  const { label, critical, shift, effect } = classifyMetric(
    {
      ...input,
      name: 'metric',
      removeOutliers: input.outliers === 'remove',
      effect: input.effectMeasure,
      allowed: input.allowed ?? unlimited,
      criticalLimits: input.criticalLimits ?? unlimited,
    },
    input.baseline,
    input.canary,
  );
  return shift === null
    ? { label, critical }
    : { label, critical, ci: shift.interval, estimate: shift.estimate, effect };
}
