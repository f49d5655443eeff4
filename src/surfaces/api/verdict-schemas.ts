import { z } from 'zod';
import { CANARY_CLASSES, METRIC_CLASSES } from '../../core/model/kayenta-spec.ts';

/** What the API says of judging: the verdicts of the last look, those of all looks, readouts and recordings. */
const time = z.iso.datetime();

const ratio = z.object({
  low: z.number(),
  high: z.number().nullable(),
  point: z.number().nullable().optional(),
});

/** What a judge that gives scores says of a metric; the score is that of all metrics, and has a verdict of its own. */
const scoring = {
  score: z
    .object({ value: z.number().nullable(), classification: z.enum(CANARY_CLASSES) })
    .optional()
    .meta({ description: 'Of all metrics together, 0 to 100; null: there was nothing to score.' }),
  classification: z.enum(METRIC_CLASSES).optional(),
  critical: z.boolean().optional().meta({ description: 'Classified so that the whole canary fails.' }),
};

export const VerdictBody = z.object({
  metric: z.string(),
  backend: z.string().optional().meta({ description: 'Whose metric it is, in a joint rollout.' }),
  arm: z.string().optional().meta({ description: 'Whose metric it is, in a test with variants.' }),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  reason: z.string(),
  detail: z.string(),
  value: z.number().nullable(),
  baseline: z.number().nullable(),
  limit: z.object({ min: z.number().nullable(), max: z.number().nullable() }),
  requests: z.number().nullable(),
  baselineRequests: z.number().nullable(),
  ratio: ratio.optional(),
  dispersion: z.number().optional(),
  evidence: z.object({ e: z.number(), limit: z.number() }).optional(),
  ...scoring,
});

const ArmReadoutBody = z.object({ users: z.number(), value: z.number().nullable() });

/** A metric on which the arms of a test are compared. Intervals hold at every look. */
export const ReadoutBody = z.object({
  name: z.string(),
  arm: z.string().optional().meta({ description: 'Of a test with variants: who is compared with stable as `canary`.' }),
  kind: z.enum(['share', 'mean']),
  wanted: z.enum(['higher', 'lower']),
  at: time,
  standing: z.enum(['winner', 'loser', 'undecided', 'withheld']),
  reason: z.enum(['NOT_STICKY', 'SHARES_DIFFER', 'TOO_FEW_USERS', 'BAD_COUNTS']).nullable(),
  stable: ArmReadoutBody,
  canary: ArmReadoutBody,
  lift: z.object({ low: z.number(), high: z.number().nullable() }).nullable(),
  difference: z.object({ value: z.number(), low: z.number(), high: z.number() }).nullable(),
  probabilityBetter: z
    .number()
    .nullable()
    .meta({ description: 'Descriptive only: it swings under continuous looking and decides nothing.' }),
});

/** What the judge concluded at one look, for plots. */
export const VerdictPoint = z.object({
  at: time,
  step: z.number().int(),
  weight: z.number(),
  decision: z.enum(['advance', 'hold', 'rollback']),
  metrics: z.array(
    z.object({
      metric: z.string(),
      value: z.number().nullable(),
      baseline: z.number().nullable(),
      requests: z.number().nullable(),
      ratio: ratio.nullable(),
      evidence: z.object({ e: z.number(), limit: z.number() }).nullable(),
      ...scoring,
    }),
  ),
  missing: z.string().nullable(),
  late: z.number().int().optional(),
});
export type VerdictPoint = z.infer<typeof VerdictPoint>;
/** A recording: its header and its scrapes, as `serin analysis replay` reads them. */
export const RecordingBody = z.object({ lines: z.array(z.looseObject({})) });
export const VerdictList = z.object({ points: z.array(VerdictPoint) });
