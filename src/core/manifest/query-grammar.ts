import type { z } from 'zod';
import { text } from './fields.ts';
import { checkQuery } from './render-query.ts';

/** A query in PromQL with placeholders. `problem`: what else may be wrong with it. */
export function query(problem: (template: string) => string | null = () => null): z.ZodType<string> {
  return text(8_192).superRefine((template, ctx) => {
    const wrong = checkQuery(template) ?? problem(template);
    if (wrong !== null) ctx.addIssue({ code: 'custom', message: wrong });
  });
}
