import { z } from 'zod';
import type { ReadoutMetric } from '../model/readout.ts';
import { choice, fields, label } from './fields.ts';
import { query } from './query-grammar.ts';
import { asksPerArm } from './render-query.ts';

const armQuery = query((template) =>
  asksPerArm(template) ? null : 'it is asked of each arm, so it needs {{ arm.revision }} or {{ arm.cluster }}',
);

const metric = fields({
  name: label,
  wanted: choice(['higher', 'lower']).optional(),
  users: armQuery,
  successes: armQuery.optional(),
  sum: armQuery.optional(),
  sumOfSquares: armQuery.optional(),
}).transform((raw, ctx): ReadoutMetric => {
  const common = { name: raw.name, wanted: raw.wanted ?? 'higher', users: raw.users } as const;
  const { successes, sum, sumOfSquares } = raw;
  if (successes !== undefined && sum === undefined && sumOfSquares === undefined) {
    return { kind: 'share', ...common, successes };
  }
  if (successes === undefined && sum !== undefined && sumOfSquares !== undefined) {
    return { kind: 'mean', ...common, sum, sumOfSquares };
  }
  ctx.addIssue({ code: 'custom', message: 'expected either successes, or sum and sumOfSquares' });
  return z.NEVER;
});

/** What the arms of a test are compared by. */
export const ReadoutGrammar: z.ZodType<readonly ReadoutMetric[]> = z
  .array(metric, 'expected a list of metrics')
  .max(8, 'at most 8 metrics')
  .superRefine((metrics, ctx) => {
    metrics.forEach(({ name }, i) => {
      if (metrics.findIndex((other) => other.name === name) === i) return;
      ctx.addIssue({ code: 'custom', message: `two metrics are named "${name}"`, path: [i, 'name'] });
    });
  });
