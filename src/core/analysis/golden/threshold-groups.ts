import { z } from 'zod';
import { ARGO_LIMITS, ARGO_START, type ArgoMeasurement, measureArgo } from '../threshold/argo.ts';
import { flaggerRollbackTick } from '../threshold/flagger.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { MOST_ROWS, whole } from './input-fields.ts';

const Flagger = z.object({
  checks: z
    .string()
    .max(MOST_ROWS)
    .regex(/^[PF]*$/, 'expected one P or F per tick'),
  threshold: z.int('expected a whole number'),
});

const limit = z.int('expected a whole number');

/** Measurements go on until a limit is met, as with an interval: the table gives them all. */
const Argo = z.object({
  phases: z
    .string()
    .max(MOST_ROWS)
    .regex(/^[SFIE]+$/, 'expected one S, F, I or E per measurement'),
  failureLimit: limit.default(ARGO_LIMITS.failureLimit),
  inconclusiveLimit: limit.default(ARGO_LIMITS.inconclusiveLimit),
  consecutiveErrorLimit: limit.default(ARGO_LIMITS.consecutiveErrorLimit),
  consecutiveSuccessLimit: limit.default(ARGO_LIMITS.consecutiveSuccessLimit),
  count: whole.nullable().default(null),
});

export const THRESHOLD_GROUPS: readonly Evaluator[] = [
  evaluator('threshold/flagger', 'flagger', Flagger, ({ checks, threshold }) =>
    flaggerRollbackTick(
      checks.split('').map((check) => check === 'P'),
      threshold,
    ),
  ),
  evaluator('threshold/argo', 'argo', Argo, ({ phases, ...limits }) => {
    let metric = ARGO_START;
    let atIndex = 0;
    for (const [index, one] of (phases.split('') as ArgoMeasurement[]).entries()) {
      atIndex = index;
      metric = measureArgo(metric, one, { ...limits, hasInterval: true });
      if (metric.phase !== 'Running') break;
    }
    return { result: metric.phase, atIndex };
  }),
];
