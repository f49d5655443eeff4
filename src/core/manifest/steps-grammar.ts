import { z } from 'zod';
import type { StepSpec, UntilSpec } from '../model/documents.ts';
import { analysisList, minRequests } from './analysis-grammar.ts';
import { ApprovalGrammar } from './approval-grammar.ts';
import { duration, fields, label, weight } from './fields.ts';
import { pinMatches } from './match-grammar.ts';
import { headerChanges } from './rule-action-grammar.ts';
import { StickyGrammar } from './sticky-grammar.ts';
import { WebhookGrammar } from './webhook-grammar.ts';
import { checkWeights, fallenArm, weightFields, weightsOf } from './weights-grammar.ts';

const until = fields({
  requests: minRequests.optional(),
  regression: z.number('expected a number').min(1.5, 'expected at least 1.5').max(100, 'at most 100').optional(),
  atMost: duration({ min: '1s', max: '30d' }).optional(),
}).superRefine(({ requests, regression }, ctx) => {
  if (requests === undefined && regression === undefined)
    ctx.addIssue({ code: 'custom', message: 'expected requests, regression or both' });
});

const step = fields({
  name: label.optional(),
  ...weightFields,
  matches: pinMatches.optional(),
  hold: duration({ max: '30d' }).optional(),
  approve: z.boolean('expected true or false').optional(),
  approval: ApprovalGrammar.optional(),
  webhook: WebhookGrammar.optional(),
  sticky: StickyGrammar.optional(),
  mirror: fields({ percent: weight }).optional(),
  headers: headerChanges.optional(),
  until: until.optional(),
  analysis: analysisList.optional(),
}).superRefine(checkWeights);

function untilOf({ requests, regression, atMost }: z.infer<typeof until>): UntilSpec {
  return {
    requests: requests ?? null,
    regression: regression ?? null,
    atMostMs: atMost ?? null,
  };
}

/** A list of steps, inline or expanded from a strategy. */
export const StepsGrammar: z.ZodType<readonly StepSpec[]> = z
  .array(step, 'expected a list of steps')
  .max(50, 'at most 50 steps')
  .transform((steps) =>
    steps.map(
      (raw, i): StepSpec => ({
        name: raw.name ?? `step-${i + 1}`,
        ...weightsOf(raw),
        matches: raw.matches ?? [],
        holdMs: raw.hold ?? 0,
        approve: raw.approve ?? raw.approval !== undefined,
        ...(raw.approval === undefined || raw.approve === false ? {} : { approval: raw.approval }),
        ...(raw.webhook === undefined ? {} : { webhook: raw.webhook }),
        ...(raw.sticky === undefined ? {} : { sticky: raw.sticky }),
        ...(raw.mirror === undefined || raw.mirror.percent === 0 ? {} : { mirror: raw.mirror.percent }),
        ...(raw.headers === undefined ? {} : { headers: raw.headers }),
        ...(raw.until === undefined ? {} : { until: untilOf(raw.until) }),
        analysis: raw.analysis ?? [],
      }),
    ),
  )
  .superRefine((steps, ctx) => {
    steps.forEach((current, i) => {
      if (current.mirror !== undefined && current.weight > 0) {
        const message = 'copies go to a canary without requests of its own: mirror is for weight 0';
        ctx.addIssue({ code: 'custom', message, path: [i, 'mirror'] });
      }
      // The plan's own word is for all of its steps, whichever split: it is filled in later.
      if (current.sticky !== undefined && current.weight === 0) {
        const message =
          'at weight 0 nobody gets an arm to stay with: say sticky in steps with a weight, or in the plan';
        ctx.addIssue({ code: 'custom', message, path: [i, 'sticky'] });
      }
      const fallen = steps[i - 1] === undefined ? null : fallenArm(steps[i - 1] ?? current, current);
      if (fallen === null) return;
      const message = `the weight${fallen.whose} falls from ${fallen.from / 100} to ${fallen.to / 100}: steps only rise`;
      ctx.addIssue({ code: 'custom', message, path: [i, current.weights === undefined ? 'weight' : 'weights'] });
    });
  });
