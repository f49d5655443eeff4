import { z } from 'zod';
import type { PlanTrigger } from './plan-trigger.ts';

/** Stored shape of what became of a plan's `revision`; see `stored.ts`. */
export const TriggerRecord: z.ZodType<PlanTrigger> = z.looseObject({
  key: z.string(),
  by: z.string(),
  outcome: z.enum(['due', 'begun', 'stable', 'tried', 'none']),
  rollout: z.string().nullable(),
  earlier: z.array(z.looseObject({ revision: z.string(), rollout: z.string() })),
});
