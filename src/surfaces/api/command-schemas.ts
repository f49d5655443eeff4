import { z } from 'zod';
import { Reason as reason } from './schemas.ts';

/** Bodies of what people and CI ask of a rollout: `POST /api/v1/rollouts/{id}/<command>`. */

const rev = z.number().int().positive().optional();
const gate = z
  .strictObject({ step: z.number().int(), attempt: z.number().int() })
  .meta({ description: 'The step that you saw, from 0, and its attempt; one that has moved on is refused.' });
const force = z
  .boolean()
  .optional()
  .meta({ description: 'Also where evidence is missing, or speaks against the canary.' });
export const CommandBodies = {
  pause: z.strictObject({ reason, rev }),
  resume: z.strictObject({ rev }),
  promote: z.strictObject({
    rev,
    arm: z.string().min(1).max(63).optional().meta({ description: 'Of a test with variants: who gets all requests.' }),
  }),
  abort: z.strictObject({ reason, rev, unconfirmed: z.boolean().optional() }),
  approve: z.strictObject({
    gate,
    rev,
    hook: z
      .string()
      .min(1, 'expected the name of a hook')
      .max(63)
      .optional()
      .meta({ description: 'Opens the gate of this hook, and no other.' }),
    reason,
  }),
  skip: z.strictObject({ gate, reason, force, rev }),
  jump: z.strictObject({
    to: z
      .string()
      .min(1, 'expected the name of a step, or its number from 1')
      .max(100)
      .meta({ description: 'Name of the step, or its number from 1.' }),
    ...{ gate, reason, force, rev },
  }),
} as const;
export type CommandName = keyof typeof CommandBodies;
