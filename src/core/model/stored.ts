import { z } from 'zod';
import type { BackendState } from './backend-state.ts';
import {
  type AnalysisSpec,
  type BackendSpec,
  type Document,
  type EndpointsSpec,
  LAGGARD_POLICIES,
  type PlanSpec,
  type RouteSpec,
  type StepSpec,
} from './documents.ts';
import type { PinMatch, RequestMatch, ValueMatch } from './match.ts';
import type { Revision } from './revision.ts';

/**
 * Stored shapes. The store is a border: what comes back is parsed before it is believed, and a record that
 * does not fit is reported as corrupt instead of being acted on. Kept equal to the types by the annotations.
 * Loose: what a newer replica wrote beside the known fields survives a write by this one.
 */
const ms = z.number().int().nonnegative();
const name = z.string().min(1).max(253);

const ValueMatchRecord: z.ZodType<ValueMatch> = z.union([
  z.looseObject({ name, type: z.enum(['Exact', 'Prefix', 'RegularExpression']), value: z.string() }),
  z.looseObject({ name, type: z.literal('Present') }),
]);

export const PinMatchRecord: z.ZodType<PinMatch> = z.looseObject({ headers: z.array(ValueMatchRecord) });

const RequestMatchRecord = z.looseObject({
  path: z.looseObject({ type: z.enum(['PathPrefix', 'Exact', 'RegularExpression']), value: z.string() }).optional(),
  method: z.string().optional(),
  headers: z.array(ValueMatchRecord),
  queryParams: z.array(ValueMatchRecord),
}) as z.ZodType<RequestMatch>;

export const RouteSpecRecord: z.ZodType<RouteSpec> = z.looseObject({
  fleet: name,
  hostnames: z.array(z.string()),
  rules: z.array(z.looseObject({ name, matches: z.array(RequestMatchRecord), backend: name, timeoutMs: ms })),
});

const HostPortRecord = z.looseObject({ host: name, port: z.number().int().min(1).max(65_535) });

const EndpointsRecord: z.ZodType<EndpointsSpec> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('static'), addresses: z.array(HostPortRecord) }),
  z.looseObject({ kind: z.literal('dns'), host: z.string(), port: z.number().int().min(1).max(65_535) }),
]);

const clusterSettings = {
  protocol: z.enum(['http1', 'http2', 'grpc']),
  connectTimeoutMs: ms,
  healthCheck: z
    .looseObject({
      path: z.string(),
      intervalMs: ms,
      timeoutMs: ms,
      healthyThreshold: z.number().int(),
      unhealthyThreshold: z.number().int(),
    })
    .nullable(),
};

const BackendSpecRecord: z.ZodType<BackendSpec> = z.looseObject({
  ...clusterSettings,
  endpoints: EndpointsRecord.nullable(),
  initial: z.looseObject({ revision: name, endpoints: EndpointsRecord.nullable() }).nullable(),
});

const AnalysisRecord: z.ZodType<AnalysisSpec> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('error-rate'), name, max: z.number(), minRequests: z.number() }),
  z.looseObject({ kind: z.literal('latency'), name, objectiveMs: ms, max: z.number(), minRequests: z.number() }),
  z.looseObject({
    kind: z.literal('query'),
    name,
    query: z.string(),
    windowMs: ms,
    min: z.number().nullable(),
    max: z.number().nullable(),
  }),
]);

const StepRecord: z.ZodType<StepSpec> = z.looseObject({
  name,
  weight: z.number().int().min(0).max(10_000),
  matches: z.array(PinMatchRecord),
  holdMs: ms,
  approve: z.boolean(),
  analysis: z.array(AnalysisRecord),
});

export const PlanSpecRecord: z.ZodType<PlanSpec> = z.looseObject({
  backend: name,
  strategy: z.looseObject({ name: z.string(), steps: z.array(StepRecord) }),
  analysis: z.array(AnalysisRecord),
  deadlineMs: ms,
  inconclusiveAfterMs: ms,
  // Records of earlier versions lack these.
  ackTimeoutMs: ms.default(30_000),
  onLaggard: z.enum(LAGGARD_POLICIES).default('hold'),
  onRollback: z.looseObject({ closeStreamsAfterMs: ms.nullable() }).default({ closeStreamsAfterMs: null }),
  notify: z.array(name),
});

export const DocumentRecord: z.ZodType<{ readonly document: Document; readonly source: string }> = z.looseObject({
  document: z.discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('Route'), name, spec: RouteSpecRecord }),
    z.looseObject({ kind: z.literal('Backend'), name, spec: BackendSpecRecord }),
    z.looseObject({ kind: z.literal('Plan'), name, spec: PlanSpecRecord }),
    z.looseObject({ kind: z.literal('Strategy'), name, spec: z.unknown() }),
  ]),
  source: z.string(),
});

export const RevisionRecord: z.ZodType<Revision> = z.looseObject({
  key: z.string(),
  backend: name,
  name,
  cluster: z.string().regex(/^[A-Za-z0-9_-]+$/),
  ...clusterSettings,
  endpoints: EndpointsRecord,
});

export const BackendStateRecord: z.ZodType<BackendState> = z.looseObject({
  backend: name,
  stable: RevisionRecord.nullable(),
  rolloutId: z.string().nullable(),
  retired: z.array(z.looseObject({ revision: RevisionRecord, pinned: z.boolean(), untilMs: ms })),
});
