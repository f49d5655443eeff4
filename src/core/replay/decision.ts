import { z } from 'zod';
import { PackedObserved } from './pack-observed.ts';

/**
 * What a decision was made from and what it was, as it is kept beside the rollout. A reader that does not know the
 * format says so; within a format fields are only ever added, and optional.
 */
export const DECISION_FORMAT = 1;

/** Of records only that they are some: they are checked where they are put together. */
const fields = z.record(z.string(), z.unknown());

const Settings = z.strictObject({
  disconnectGraceMs: z.number(),
  retireAfterMs: z.number(),
  clockTrusted: z.boolean(),
  queryUrl: z.string().optional(),
});

const Outcome = z.looseObject({
  /** The fields of the rollout that it changed. */
  fields,
  /** Only when it changed. */
  backend: fields.optional(),
  /** Of the other backends of a joint rollout; only when one of them changed. */
  others: z.array(fields).optional(),
  traffic: z.boolean(),
  /** Types of its events, and kinds of its messages. */
  said: z.array(z.string()),
  told: z.array(z.string()),
});
export type Outcome = z.infer<typeof Outcome>;

/** `others`: of a joint rollout. */
const both = z.looseObject({ rollout: fields, backend: fields, others: z.array(fields).optional() });

const decided = {
  format: z.literal(DECISION_FORMAT),
  /** Revs of the records that it was made from. */
  rev: z.number(),
  backendRev: z.number(),
  otherRevs: z.array(z.number()).optional(),
  /** The clock, as it was given to the decision. */
  nowMs: z.number(),
  settings: Settings,
  /** Now and then the whole records: from here on one can begin. */
  from: both.optional(),
  outcome: Outcome,
};

const Tick = z.looseObject({
  ...decided,
  kind: z.literal('tick'),
  judge: z.string(),
  /** `null`: it was too large to be kept. */
  observed: PackedObserved.nullable(),
  /** What the judge remembered; absent: nothing. */
  memory: fields.optional(),
  /** Of the other backends, by name. */
  memories: z.record(z.string(), fields).optional(),
  /** The breaker for evidence; absent: it was closed and had always been. */
  breaker: z.object({ openSinceMs: z.number().nullable(), closedAtMs: z.number().nullable() }).optional(),
  /** Of a look that changed nothing but these: how they stood before, since looks like it may have been left out. */
  since: fields.optional(),
});

const gate = z.looseObject({ step: z.number(), attempt: z.number() });

const Command = z.looseObject({
  ...decided,
  kind: z.literal('command'),
  by: z.string(),
  command: z.discriminatedUnion('type', [
    z.looseObject({ type: z.literal('pause'), reason: z.string() }),
    z.looseObject({ type: z.literal('resume') }),
    z.looseObject({ type: z.literal('promote'), arm: z.string().exactOptional() }),
    z.looseObject({ type: z.literal('abort'), reason: z.string(), unconfirmed: z.boolean().optional() }),
    z.looseObject({
      type: z.literal('supersede'),
      next: z.looseObject({ id: z.string(), revision: z.string() }),
    }),
    z.looseObject({
      type: z.literal('approve'),
      gate,
      hook: z.string().exactOptional(),
      reason: z.string().exactOptional(),
    }),
    z.looseObject({ type: z.literal('skip'), gate, reason: z.string(), force: z.boolean().exactOptional() }),
    z.looseObject({
      ...{ type: z.literal('jump'), to: z.string(), gate, reason: z.string() },
      force: z.boolean().exactOptional(),
    }),
  ]),
  observed: PackedObserved.nullable(),
});

/** The records as something else than a look put them: the start, a store that was reconciled, a rollout set aside. */
const Given = both.extend({
  format: z.literal(DECISION_FORMAT),
  kind: z.literal('given'),
  why: z.enum(['start', 'reconciled', 'set aside']),
  nowMs: z.number(),
});

/** Clusters of the backend that went out of service meanwhile. */
const Backend = z.looseObject({
  format: z.literal(DECISION_FORMAT),
  kind: z.literal('backend'),
  backendRev: z.number(),
  backend: fields,
});

/** A decision that was too large to be kept at all. */
const Lost = z.looseObject({ format: z.literal(DECISION_FORMAT), kind: z.literal('lost'), bytes: z.number() });

export const Decision = z.discriminatedUnion('kind', [Tick, Command, Given, Backend, Lost]);
export type Decision = z.infer<typeof Decision>;
export type DecisionOf<K extends Decision['kind']> = Extract<Decision, { readonly kind: K }>;

/** A decision on its way to the store. */
export interface RecordedDecision {
  readonly rolloutId: string;
  /**
   * Looks of one run found nothing new: of those in a row with the same name the first and the last are kept. '': it
   * is kept in any case.
   */
  readonly run: string;
  /** Rev of the rollout that it was made from; 0: of none. */
  readonly rev: number;
  /** JSON of a `Decision`. */
  readonly text: string;
}

/** A decision as the store has it. */
export interface KeptDecision {
  /** How many looks it stands for, itself included. */
  readonly looks: number;
  readonly text: string;
}

/** Of one rollout so many are kept, the newest, */
export const MAX_DECISIONS = 2_000;
/** and so many bytes as the store writes them. */
export const MAX_DECISION_BYTES = 1024 * 1024;
