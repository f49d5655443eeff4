import { z } from 'zod';
import type { Verdict } from '../analysis/judge.ts';
import { PHASES } from '../model/phase.ts';
import { PlanSpecRecord, RevisionRecord } from '../model/stored.ts';
import type { Rollout } from './rollout.ts';

const ms = z.number().nonnegative();

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

/** A rollout as it comes back from the store. */
export const RolloutRecord: z.ZodType<Rollout> = z.looseObject({
  id: z.string(),
  plan: z.string(),
  spec: PlanSpecRecord,
  trigger: z.looseObject({ revision: z.string(), endpoints: z.array(z.string()).nullable() }),
  backend: z.string(),
  fleets: z.array(z.string()).min(1),
  canary: RevisionRecord,
  stable: RevisionRecord.nullable(),
  phase: z.enum(PHASES),
  paused: z.looseObject({ by: z.string(), reason: z.string(), atMs: ms }).nullable(),
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
      counted: z.record(z.string(), z.array(z.string())),
      routesOnly: z.boolean().default(false),
      probe: z.record(z.string(), z.string()).nullable().default(null),
      // Earlier versions kept a list; those nodes are asked once more.
      unanswered: z.record(z.string(), z.array(z.string())).catch({}),
      toldAtMs: ms.nullable().default(null),
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
  evidence: z
    .looseObject({
      verdicts: z.array(VerdictRecord),
      judgedAtMs: ms,
      inconclusiveSinceMs: ms.nullable(),
      judge: z.record(z.string(), z.unknown()).nullable(),
    })
    .nullable(),
  cause: z
    .looseObject({
      kind: z.enum(['analysis', 'nack', 'unservable', 'laggard', 'deadline', 'person', 'no_dataplane']),
      summary: z.string(),
      by: z.string(),
      atMs: ms,
      step: z.number(),
      verdict: VerdictRecord.nullable(),
      node: z.string().nullable(),
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
    }),
  ),
  waitingFor: z.string(),
});
