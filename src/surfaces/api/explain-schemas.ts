import { z } from 'zod';
import { ROLLOUT_ID } from './schemas.ts';

const header = z.tuple([z.string().min(1).max(128), z.string().max(8_192)]);

/** A request as an Envoy would get it, and by what it is explained. */
export const ExplainBody = z.strictObject({
  request: z.strictObject({
    method: z.string().regex(/^[A-Z]{1,20}$/),
    host: z.string().min(1).max(300),
    path: z.string().regex(/^\//).max(8_192),
    headers: z.array(header).max(100).meta({ description: 'Names in lower case.' }),
  }),
  fleet: z.string().max(63).optional().meta({ description: 'Where several take the request.' }),
  rollout: z.string().regex(ROLLOUT_ID).optional(),
  step: z.string().min(1).max(100).optional().meta({
    description: 'Of that rollout: number from 1 or name; 0 comes before, promoted after. Default: the present.',
  }),
});

export const ExplanationBody = z
  .object({
    fleet: z.string(),
    host: z.object({ route: z.string(), hostname: z.string() }).nullable(),
    rule: z.string().nullable(),
    match: z.number().int().nullable(),
    answer: z.enum(['nowhere', 'redirect', 'respond', 'forward']),
    status: z.number().int().nullable(),
    arms: z.array(
      z.object({
        backend: z.string(),
        revision: z.string(),
        arm: z.string().nullable().meta({ description: '`stable`, `canary` or the name of a variant.' }),
        cluster: z.string(),
        probability: z.number(),
        pinned: z.boolean(),
      }),
    ),
    envoyRoute: z.string().nullable(),
    passed: z.array(z.object({ rule: z.string().nullable(), envoyRoute: z.string(), because: z.string() })),
    // An engine of an earlier version knows no patches.
    patched: z.array(z.string()).default([]),
    notes: z.array(z.string()),
  })
  .meta({ id: 'RequestExplanation' });
