import { z } from 'zod';
import { type ApprovalSpec, LAPSED_POLICIES } from '../model/documents.ts';
import { choice, duration, fields, label } from './fields.ts';

const terms = fields({
  by: z.array(label, 'expected a list of names').min(1, 'expected at least one name').max(16, 'at most 16').optional(),
  within: duration({ min: '1s', max: '30d' }).optional(),
  otherwise: choice(LAPSED_POLICIES).optional(),
}).transform(({ by, within, otherwise }, ctx): ApprovalSpec => {
  if (otherwise !== undefined && within === undefined) {
    ctx.addIssue({ code: 'custom', message: 'it never comes to that without within', path: ['otherwise'] });
  }
  return { by: by ?? [], withinMs: within ?? null, otherwise: otherwise ?? 'rollback' };
});

export const ApprovalGrammar: z.ZodType<ApprovalSpec> = terms;
