import { z } from 'zod';
import type { Verdict } from '../analysis/judge.ts';
import { Moment } from '../model/moment.ts';
import { PHASES } from '../model/phase.ts';
import type { ReadoutRecord } from '../model/readout.ts';
import { PlanSpecRecord, RevisionRecord } from '../model/stored.ts';
import type { Member, Rollout } from './rollout.ts';

const ms = Moment;

const VerdictRecord = z.looseObject({
  metric: z.string(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  reason: z.string(),
  detail: z.string(),
  value: z.number().nullable(),
  baseline: z.number().nullable(),
  limit: z.looseObject({ min: z.number().nullable(), max: z.number().nullable() }),
  requests: z.number().nullable(),
  baselineRequests: z.number().nullable(),
}) as unknown as z.ZodType<Verdict>;

const CapabilityRecord = z.looseObject({
  feature: z.string(),
  since: z.tuple([z.number().int(), z.number().int()]),
});

const totals = z.looseObject({ users: z.number(), sum: z.number(), squares: z.number() });
const block = z.looseObject({ weight: z.number().int().min(1).max(9_999), stable: totals, canary: totals });
const ReadoutRecordShape: z.ZodType<ReadoutRecord> = z.looseObject({
  name: z.string(),
  arm: z.string().exactOptional(),
  atMs: ms,
  blocks: z.array(block),
  last: block,
});

const trigger = z.looseObject({ revision: z.string(), endpoints: z.array(z.string()).nullable() });

const MemberRecord: z.ZodType<Member> = z.looseObject({
  backend: z.string(),
  trigger,
  fleets: z.array(z.string()).min(1),
  routeTimeoutMs: ms,
  canary: RevisionRecord,
  stable: RevisionRecord,
});

/** A rollout as it comes back from the store. */
export const RolloutRecord: z.ZodType<Rollout> = z.looseObject({
  id: z.string(),
  plan: z.string(),
  spec: PlanSpecRecord,
  trigger,
  backend: z.string(),
  fleets: z.array(z.string()).min(1),
  joint: z.looseObject({ fleets: z.array(z.string()).min(1), others: z.array(MemberRecord).min(1) }).exactOptional(),
  variants: z
    .array(z.looseObject({ name: z.string(), trigger, canary: RevisionRecord }))
    .min(1)
    .exactOptional(),
  winner: z.string().exactOptional(),
  routeTimeoutMs: ms.exactOptional(),
  canary: RevisionRecord,
  stable: RevisionRecord.nullable(),
  phase: z.enum(PHASES),
  paused: z
    .looseObject({ by: z.string(), reason: z.string(), atMs: ms, quarantined: z.literal(true).optional() })
    .nullable(),
  step: z.number().int().min(-1),
  attempt: z.number().int().nonnegative(),
  startedBy: z.string(),
  createdAtMs: ms,
  updatedAtMs: ms,
  deadlineAtMs: ms,
  push: z
    .looseObject({
      committedAtMs: ms,
      liveAtMs: ms.nullable(),
      firstLiveAtMs: ms.exactOptional(),
      counted: z.record(z.string(), z.array(z.string())),
      routesOnly: z.boolean().default(false),
      probe: z.record(z.string(), z.string()).nullable().default(null),
      // Earlier versions kept a list; those nodes are asked once more.
      unanswered: z.record(z.string(), z.array(z.string())).catch({}),
      toldAtMs: ms.nullable().default(null),
      offsetMs: z.number().exactOptional(),
      liveOffsetMs: z.number().exactOptional(),
    })
    .nullable(),
  // Records of earlier versions lack these four.
  drill: z
    .looseObject({ stage: z.enum(['out', 'back', 'proven']), backMs: ms.nullable() })
    .nullable()
    .default(null),
  excluded: z.record(z.string(), z.array(z.string())).default({}),
  requires: z.array(CapabilityRecord).default([]),
  aftercare: z.enum(['due', 'done']).nullable().default(null),
  approval: z.looseObject({ step: z.number(), attempt: z.number(), by: z.string(), atMs: ms }).nullable(),
  gate: z.looseObject({ attempt: z.number(), sinceMs: ms }).exactOptional(),
  endAsked: z.number().exactOptional(),
  hook: z
    .looseObject({
      attempt: z.number(),
      sinceMs: ms,
      ask: z.number(),
      pendingUntilMs: ms.nullable(),
      nextAtMs: ms,
      failed: z.number(),
      answer: z
        .looseObject({ kind: z.enum(['open', 'wait', 'reject', 'failed']), detail: z.string(), atMs: ms })
        .nullable(),
      told: z.literal(true).exactOptional(),
    })
    .exactOptional(),
  window: z.looseObject({ attempt: z.number(), sinceMs: ms }).nullable().exactOptional(),
  resumedAtMs: ms.exactOptional(),
  evidence: z
    .looseObject({
      verdicts: z.array(VerdictRecord),
      judgedAtMs: ms,
      inconclusiveSinceMs: ms.nullable(),
      blind: z.boolean().exactOptional(),
      late: z.number().exactOptional(),
    })
    .nullable(),
  readout: z.array(ReadoutRecordShape).exactOptional(),
  jumps: z
    .array(
      z.looseObject({
        by: z.string(),
        atMs: ms,
        from: z.number(),
        to: z.number().nullable(),
        reason: z.string(),
        gates: z.array(z.string()),
      }),
    )
    .exactOptional(),
  cause: z
    .looseObject({
      kind: z.enum([
        'analysis',
        'nack',
        'unservable',
        'laggard',
        'deadline',
        'person',
        'no_dataplane',
        'hook',
        'superseded',
      ]),
      summary: z.string(),
      by: z.string(),
      atMs: ms,
      step: z.number(),
      baking: z.literal(true).optional(),
      verdict: VerdictRecord.nullable(),
      node: z.string().nullable(),
      hurt: z.number().exactOptional(),
    })
    .nullable(),
  history: z.array(
    z.looseObject({
      step: z.number(),
      name: z.string(),
      weight: z.number(),
      committedAtMs: ms,
      liveAtMs: ms.nullable(),
      leftAtMs: ms.nullable(),
      offsetMs: z.number().exactOptional(),
      bad: z.record(z.string(), z.number()).exactOptional(),
    }),
  ),
  undoes: z.string().optional(),
  queued: z.looseObject({ behind: z.string() }).nullish(),
  waitingFor: z.string(),
});
