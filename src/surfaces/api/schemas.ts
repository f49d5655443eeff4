import { z } from 'zod';
import { MAX_JOINT_BACKENDS } from '../../core/model/joint-spec.ts';
import { PHASES } from '../../core/model/phase.ts';
import { MAX_VARIANTS } from '../../core/model/variants.ts';
import { ReadoutBody, VerdictBody } from './verdict-schemas.ts';

/**
 * The API's shapes: what HTTP answers and what `-o json` prints. Additions may come, nothing goes or changes
 * within `/api/v1`. Times are ISO 8601, weights percent, rates fractions.
 */
const time = z.iso.datetime();
const name = z.string().min(1).max(253);

export const ROLLOUT_ID: RegExp = /^[a-z0-9-]{1,64}$/;
/** Visible characters: it has to fit into a header. */
export const IDEMPOTENCY_KEY: RegExp = /^[\x21-\x7e]{1,200}$/;

export const RolloutBody = z
  .object({
    id: z.string(),
    rev: z.number().int(),
    backend: z.string(),
    joint: z
      .array(z.object({ backend: z.string(), revision: z.string(), stable: z.string().nullable() }))
      .optional()
      .meta({ description: 'All backends of a joint rollout; `backend` is the first of them. Left out: it is alone.' }),
    arms: z
      .array(z.object({ arm: z.string(), revision: z.string(), weight: z.number() }))
      .optional()
      .meta({ description: 'All arms of a test with variants but stable, and what they are to get now, percent.' }),
    winner: z.string().optional().meta({ description: 'The arm of a test that gets all requests.' }),
    plan: z.string(),
    revision: z.string(),
    stable: z.string().nullable(),
    fleets: z.array(z.string()),
    phase: z.enum(PHASES),
    paused: z.object({ by: z.string(), reason: z.string(), at: time }).nullable(),
    step: z
      .object({
        index: z.number().int(),
        of: z.number().int(),
        name: z.string(),
        weight: z.number(),
        attempt: z.number().int().meta({ description: 'With its index it names the gate that a command was for.' }),
      })
      .nullable(),
    weight: z.number().meta({ description: 'Percent of unpinned requests that the canary is meant to get now.' }),
    push: z
      .object({
        committedAt: time,
        liveAt: time.nullable(),
        ackMs: z.number().nullable(),
        counted: z.number().int(),
        probe: z
          .array(z.string())
          .nullable()
          .meta({ description: 'Envoys that try it out before the others get it; null: all of them have it.' }),
      })
      .nullable(),
    drill: z
      .object({ stage: z.enum(['out', 'back', 'proven']), backMs: z.number().nullable() })
      .nullable()
      .meta({ description: 'The proof, before the first step, that the way back works.' }),
    excluded: z.array(z.string()).meta({ description: 'Envoys that a step went on without (onLaggard: exclude).' }),
    laggards: z.array(z.string()).meta({ description: 'Counted Envoys that have not ACKed the present push.' }),
    bake: z
      .object({ since: time, until: time })
      .nullable()
      .meta({ description: 'All requests go to the canary, and it is watched; until then at least.' }),
    gate: z.object({ step: z.number().int(), attempt: z.number().int() }).nullable(),
    hook: z
      .object({
        target: z.string(),
        since: time,
        asked: z.number().int(),
        answer: z
          .object({ kind: z.enum(['open', 'wait', 'reject', 'failed']), detail: z.string(), at: time })
          .nullable(),
      })
      .nullable()
      .meta({ description: 'The hook that the present step asks before it is left; null: none was asked.' }),
    waitingFor: z.string(),
    verdicts: z.array(VerdictBody),
    readout: z.array(ReadoutBody).meta({ description: 'How the arms of an A/B test compare; empty without one.' }),
    cause: z
      .object({
        kind: z.string(),
        summary: z.string(),
        by: z.string(),
        at: time,
        step: z.number().int(),
        node: z.string().nullable(),
        verdict: VerdictBody.nullable(),
        hurt: z.number().int().optional(),
      })
      .nullable(),
    behind: z.string().nullable().meta({ description: 'The rollout whose end it waits for; null: it has begun.' }),
    undoes: z.string().nullable().meta({ description: 'The rollout whose promotion it takes back; null: none.' }),
    jumps: z
      .array(
        z.object({
          by: z.string(),
          at: time,
          from: z.number().int(),
          to: z.number().int().nullable(),
          reason: z.string(),
          gates: z.array(z.string()),
        }),
      )
      .meta({ description: 'Where people took it out of turn; gates that were shut. to: null is all requests.' }),
    startedBy: z.string(),
    createdAt: time,
    updatedAt: time,
    deadlineAt: time,
    history: z.array(
      z.object({
        step: z.number().int(),
        name: z.string(),
        weight: z.number(),
        committedAt: time,
        liveAt: time.nullable(),
        ackMs: z.number().nullable(),
        leftAt: time.nullable(),
      }),
    ),
  })
  .meta({ id: 'Rollout' });
export type RolloutBody = z.infer<typeof RolloutBody>;

export const RolloutList = z.object({ rollouts: z.array(RolloutBody), cursor: z.string().nullable() });
export type RolloutList = z.infer<typeof RolloutList>;

const endpoints = z.array(z.string().min(1).max(300)).min(1).max(1_000).optional();

export const StartBody = z
  .strictObject({
    plan: name,
    revision: name.optional().meta({ description: 'Of all backends of the plan for which `backends` names no other.' }),
    endpoints: endpoints.meta({ description: 'Of the backend of the plan; of a joint plan the first one.' }),
    backends: z
      .record(z.string().max(63), z.strictObject({ revision: name.optional(), endpoints }))
      .refine((own) => Object.keys(own).length <= MAX_JOINT_BACKENDS, `at most ${MAX_JOINT_BACKENDS} backends`)
      .optional()
      .meta({ description: 'Of a joint plan: what differs, by the name of the backend.' }),
    variants: z
      .record(z.string().max(63), z.strictObject({ revision: name, endpoints }))
      .refine((own) => Object.keys(own).length <= MAX_VARIANTS, `at most ${MAX_VARIANTS} variants`)
      .optional()
      .meta({ description: 'Of a test: what each variant of the plan is, by its name.' }),
    build: z
      .number()
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .meta({ description: 'Number of the build, growing. One that is older than what was started is refused.' }),
  })
  .refine(({ revision, backends }) => revision !== undefined || backends !== undefined, {
    path: ['revision'],
    error: 'expected the name of a revision',
  });

/** Said in the history and to the notified. */
export const Reason = z.string().min(1).max(500).optional();
export const UndoBody = z.strictObject({
  of: z
    .string()
    .regex(ROLLOUT_ID)
    .meta({ description: 'Name of a backend, or id of the rollout whose promotion is taken back.' }),
  reason: Reason,
});
export const EventBody = z
  .object({
    id: z.string(),
    type: z.string(),
    at: time,
    by: z.string(),
    phase: z.enum(PHASES),
    step: z.number().int(),
    message: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'RolloutEvent' });
export type EventBody = z.infer<typeof EventBody>;
export const EventList = z.object({ events: z.array(EventBody) });

export const ApplyBody = z.strictObject({
  files: z
    .array(z.strictObject({ file: z.string().min(1).max(500), text: z.string().max(262_144) }))
    .min(1)
    .max(200),
});

export const DocumentKindParam = z.enum(['Route', 'Backend', 'Plan', 'Strategy']);
const Applied = z.object({
  kind: DocumentKindParam,
  name: z.string(),
  action: z.enum(['created', 'updated', 'unchanged', 'deleted']),
  revision: z
    .object({
      revision: z.string(),
      outcome: z.enum(['started', 'would-start', 'begun', 'stable', 'tried', 'refused']),
      rollout: z.string().nullable(),
      message: z.string(),
      error: z.object({ code: z.string(), hint: z.string() }).nullable(),
    })
    .optional()
    .meta({ description: 'What came of the `revision` of a Plan; left out: it has none.' }),
});
export const AppliedList = z.object({ documents: z.array(Applied) });
export type AppliedList = z.infer<typeof AppliedList>;

export const DocumentBody = z.object({
  kind: DocumentKindParam,
  name: z.string(),
  rev: z.number().int(),
  source: z.string(),
});
export const DocumentList = z.object({ documents: z.array(DocumentBody) });
export type DocumentList = z.infer<typeof DocumentList>;

export const DeadLetterList = z.object({
  deadLetters: z.array(z.object({ queue: z.string(), title: z.string(), detail: z.string(), at: time })),
});

export const ReconcileBody = z.strictObject({ mode: z.enum(['adopt', 'stable', 'replay']) });

export const ReconciledBody = z
  .object({
    mode: ReconcileBody.shape.mode,
    freeze: z.string().meta({ description: 'Why the store was frozen.' }),
    replayed: z
      .object({ from: z.int(), to: z.int() })
      .nullable()
      .meta({ description: 'Numbers of the commits that were written again; `null`: none.' }),
    backends: z.array(z.object({ backend: z.string(), summary: z.string() })),
    routes: z
      .array(z.string())
      .meta({ description: 'Routes that Envoys have and no document says so, or another one: apply them again.' }),
  })
  .meta({ id: 'Reconciled' });
export type ReconciledBody = z.infer<typeof ReconciledBody>;

export const AuditPage = z.object({
  entries: z.array(
    z.object({
      id: z.string().meta({ description: 'The same for both lines of one command.' }),
      stage: z.enum(['asked', 'answered']),
      at: time,
      by: z.string(),
      command: z.string(),
      target: z.string(),
      detail: z.string(),
      result: z.string().nullable().meta({ description: '`done`, or the code of the error.' }),
    }),
  ),
  cursor: z.string().nullable(),
});
export type AuditPage = z.infer<typeof AuditPage>;

export const ReadinessBody = z.object({
  ready: z.boolean(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});

/** RFC 9457, with Serin's code, hint and one entry per error. */
export const ProblemBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    hint: z.string(),
    requestId: z.string(),
    errors: z.array(
      z.object({
        code: z.string(),
        message: z.string(),
        hint: z.string(),
        path: z.string().nullable(),
        place: z.object({ file: z.string(), line: z.number().int(), column: z.number().int() }).nullable(),
      }),
    ),
  })
  .meta({ id: 'Problem' });
export type ProblemBody = z.infer<typeof ProblemBody>;
