import { z } from 'zod';
import type { PlanSpec } from '../model/documents.ts';
import { backendsOfPlan, MAX_JOINT_BACKENDS } from '../model/joint-spec.ts';
import { type WantedRevision, wantedOf } from '../model/plan-trigger.ts';
import type { Problem } from './analysis-problems.ts';
import { looksLike } from './input-shape.ts';

export const revisionName = z
  .string('expected the name of a revision')
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected letters, digits, ".", "_", "-", at most 63');

const byBackend = z
  .record(z.string(), revisionName, 'expected the name of a revision, or one for each backend')
  .refine((all) => Object.keys(all).length <= MAX_JOINT_BACKENDS, `at most ${MAX_JOINT_BACKENDS} backends`);

/** Of all backends of the plan, or of each by its name; a text and a mapping each get the errors of their own shape. */
export const WantedRevisionGrammar: z.ZodType<WantedRevision> = looksLike(
  z.unknown().transform((value, ctx): WantedRevision => {
    if (typeof value === 'number') {
      // Its digits cannot be taken for a name: 1.10 would be 1.1.
      ctx.addIssue({
        code: 'custom',
        message: 'expected the name of a revision; one that is a number in YAML needs quotes',
      });
      return z.NEVER;
    }
    const schema: z.ZodType<WantedRevision> = typeof value === 'string' ? revisionName : byBackend;
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const { message, path } of parsed.error.issues) ctx.addIssue({ code: 'custom', message, path });
    return z.NEVER;
  }),
  { grammar: () => z.union([revisionName, byBackend]) },
);

/** One that names backends names those of the plan, all of them. */
export function revisionProblems(spec: PlanSpec): readonly Problem[] {
  const { revision } = spec;
  if (revision === undefined || typeof revision === 'string') return [];
  const backends = backendsOfPlan(spec);
  const unknown = Object.keys(revision).find((name) => !backends.includes(name));
  if (unknown !== undefined) {
    const message = `${unknown.slice(0, 80)} is no backend of this plan: it rolls out ${backends.join(', ')}`;
    return [{ path: 'revision', message }];
  }
  const missing = backends.find((name) => wantedOf(revision, name) === undefined);
  return missing === undefined ? [] : [{ path: 'revision', message: `which revision of ${missing} is not said` }];
}
