import { z } from 'zod';
import type { AnalysisSpec, JudgeSpec } from './analysis-spec.ts';
import type { BackendState } from './backend-state.ts';
import {
  type BackendSpec,
  type Document,
  type EndpointsSpec,
  INCONCLUSIVE_POLICIES,
  LAGGARD_POLICIES,
  LAPSED_POLICIES,
  NEW_REVISION_POLICIES,
  type PlanSpec,
  SHUT_POLICIES,
  type StepSpec,
  type UntilSpec,
  WEEKDAYS,
  type WindowsSpec,
} from './documents.ts';
import type { JointSpec } from './joint-spec.ts';
import { EFFECT_MEASURES, NAN_STRATEGIES, OUTLIERS } from './kayenta-spec.ts';
import type { PlanTrigger } from './plan-trigger.ts';
import type { ReadoutMetric } from './readout.ts';
import type { Revision } from './revision.ts';
import type { StickyArms, StickySpec } from './sticky.ts';
import { HeaderChangesRecord, PinMatchRecord, RouteSpecRecord } from './stored-route.ts';
import { TriggerRecord } from './stored-trigger.ts';
import { RawEnvoyRecord, UpstreamRecord } from './stored-upstream.ts';

/**
 * Stored shapes. The store is a border: what comes back is parsed before it is believed, and a record that
 * does not fit is reported as corrupt instead of being acted on. Kept equal to the types by the annotations.
 * Loose: what a newer replica wrote beside the known fields survives a write by this one.
 */
const ms = z.number().int().nonnegative();
const name = z.string().min(1).max(253);
/** Basis points. */
const weight = z.number().int().min(0).max(10_000);

export const HostPortRecord = z.looseObject({ host: name, port: z.number().int().min(1).max(65_535) });

const EndpointsRecord: z.ZodType<EndpointsSpec> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('static'), addresses: z.array(HostPortRecord) }),
  z.looseObject({ kind: z.literal('dns'), host: z.string(), port: z.number().int().min(1).max(65_535) }),
  z.looseObject({ kind: z.literal('cluster'), name: z.string() }),
  z.looseObject({ kind: z.literal('api') }),
]);

const clusterSettings = {
  protocol: z.enum(['http1', 'http2', 'grpc']),
  connectTimeoutMs: ms,
  healthCheck: z
    .looseObject({
      path: z.string().exactOptional(),
      grpc: z.looseObject({ service: z.string() }).exactOptional(),
      tcp: z.literal(true).exactOptional(),
      intervalMs: ms,
      timeoutMs: ms,
      healthyThreshold: z.number().int(),
      unhealthyThreshold: z.number().int(),
    })
    .nullable(),
  upstream: UpstreamRecord.exactOptional(),
  rawEnvoy: RawEnvoyRecord.exactOptional(),
};

const BackendSpecRecord: z.ZodType<BackendSpec> = z.looseObject({
  ...clusterSettings,
  endpoints: EndpointsRecord.nullable(),
  initial: z.looseObject({ revision: name, endpoints: EndpointsRecord.nullable() }).nullable(),
});

const relative = z.looseObject({ factor: z.number(), offset: z.number() }).exactOptional();
const optional = z.number().exactOptional();
const share = {
  max: z.number(),
  ceiling: optional,
  min: optional,
  minRequests: z.number().nullable(),
  relative,
  windowMs: ms.exactOptional(),
};

const AnalysisRecord: z.ZodType<AnalysisSpec> = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('error-rate'),
    name,
    ...share,
    count: z.array(z.string()).exactOptional(),
    floor: optional,
  }),
  z.looseObject({
    kind: z.literal('latency'),
    name,
    objectiveMs: ms.nullable(),
    ...share,
    warmupMs: ms.exactOptional(),
  }),
  z.looseObject({
    kind: z.literal('query'),
    name,
    query: z.string(),
    windowMs: ms,
    min: z.number().nullable(),
    max: z.number().nullable(),
    relative,
    baseline: z.string().exactOptional(),
  }),
]);

const count = z.number().int();

const JudgeRecord: z.ZodType<JudgeSpec> = z.discriminatedUnion('name', [
  z.looseObject({
    name: z.literal('sequential'),
    alpha: optional,
    margin: optional,
    mde: optional,
    skipAfterMs: ms.exactOptional(),
  }),
  z.looseObject({ name: z.literal('threshold') }),
  z.looseObject({ name: z.literal('flagger'), threshold: count, intervalMs: ms }),
  z.looseObject({
    name: z.literal('argo'),
    intervalMs: ms,
    failureLimit: count,
    inconclusiveLimit: count,
    consecutiveErrorLimit: count,
    consecutiveSuccessLimit: count,
    count: count.nullable(),
    dryRun: z.array(name),
  }),
  z.looseObject({
    name: z.literal('kayenta'),
    intervalMs: ms,
    sampleMs: ms,
    lifetimeMs: ms.nullable(),
    lookbackMs: ms.nullable(),
    pass: z.number(),
    marginal: z.number(),
    tolerance: z.number(),
    confidence: z.number(),
    scaleTolerance: z.boolean(),
    nanStrategy: z.enum(NAN_STRATEGIES),
    outliers: z.enum(OUTLIERS),
    outlierFactor: z.number(),
    effectSize: z.looseObject({
      measure: z.enum(EFFECT_MEASURES),
      allowedIncrease: z.number(),
      criticalIncrease: z.number(),
    }),
    critical: z.array(name),
    mustHaveData: z.array(name),
    groupWeights: z.record(z.string(), z.number()),
  }),
]);

const UntilRecord: z.ZodType<UntilSpec> = z.looseObject({
  requests: z.number().nullable(),
  regression: z.number().nullable(),
  atMostMs: ms.nullable(),
});

const stickyKey = z.looseObject({ by: z.enum(['header', 'cookie']), name });

const StickyRecord: z.ZodType<StickySpec> = z.discriminatedUnion('by', [
  z.looseObject({ by: z.literal('cookie'), name: name.exactOptional(), maxAgeMs: ms.exactOptional() }),
  z.looseObject({ by: z.literal('hash'), key: stickyKey }),
]);

export const StickyArmsRecord: z.ZodType<StickyArms> = z.discriminatedUnion('by', [
  z.looseObject({
    by: z.literal('cookie'),
    name,
    tag: z.string(),
    maxAgeMs: ms,
    drawn: z.array(z.number().int().min(1).max(9_999)).min(1),
    shares: z.array(z.array(weight).min(1)).exactOptional(),
  }),
  z.looseObject({ by: z.literal('hash'), key: stickyKey }),
]);

const StepRecord: z.ZodType<StepSpec> = z.looseObject({
  name,
  weight,
  weights: z.record(z.string(), weight).exactOptional(),
  matches: z.array(PinMatchRecord),
  holdMs: ms,
  approve: z.boolean(),
  approval: z
    .looseObject({ by: z.array(name), withinMs: ms.nullable(), otherwise: z.enum(LAPSED_POLICIES) })
    .exactOptional(),
  webhook: z
    .looseObject({
      target: name,
      everyMs: ms,
      timeoutMs: ms,
      withinMs: ms.nullable(),
      otherwise: z.enum(SHUT_POLICIES),
      metadata: z.record(z.string(), z.string()).exactOptional(),
    })
    .exactOptional(),
  sticky: StickyRecord.exactOptional(),
  mirror: z.number().int().min(1).max(10_000).exactOptional(),
  headers: HeaderChangesRecord.exactOptional(),
  until: UntilRecord.exactOptional(),
  analysis: z.array(AnalysisRecord),
});

const readoutCommon = { name, wanted: z.enum(['higher', 'lower']), users: z.string() };

const ReadoutMetricRecord: z.ZodType<ReadoutMetric> = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('share'), ...readoutCommon, successes: z.string() }),
  z.looseObject({ kind: z.literal('mean'), ...readoutCommon, sum: z.string(), sumOfSquares: z.string() }),
]);

const WindowsRecord: z.ZodType<WindowsSpec> = z.looseObject({
  zone: name,
  open: z.array(z.looseObject({ days: z.array(z.enum(WEEKDAYS)), from: z.string(), to: z.string() })),
  freezes: z.array(z.looseObject({ from: z.string(), to: z.string(), reason: z.string().exactOptional() })),
});

const JointRecord: z.ZodType<JointSpec> = z.looseObject({
  others: z.array(name).min(1),
  colour: z.looseObject({ header: z.string() }).exactOptional(),
});

/** A document as it is kept. */
export interface KeptDocument {
  readonly document: Document;
  /** The YAML of this document as the user wrote it. */
  readonly source: string;
  /** Of a Plan with a `revision`: what has become of it. */
  readonly trigger?: PlanTrigger;
}

export const PlanSpecRecord: z.ZodType<PlanSpec> = z.looseObject({
  backend: name,
  joint: JointRecord.exactOptional(),
  variants: z.array(name).min(1).exactOptional(),
  revision: z.union([name, z.record(z.string(), name)]).exactOptional(),
  strategy: z.looseObject({ name: z.string(), steps: z.array(StepRecord) }),
  analysis: z.array(AnalysisRecord),
  readout: z.array(ReadoutMetricRecord).exactOptional(),
  deadlineMs: ms,
  inconclusiveAfterMs: ms,
  onInconclusive: z.enum(INCONCLUSIVE_POLICIES).exactOptional(),
  windows: WindowsRecord.exactOptional(),
  bakeMs: ms.exactOptional(),
  keepWarmMs: ms.exactOptional(),
  nodataTimeoutMs: ms.exactOptional(),
  // Records of earlier versions lack these.
  judge: JudgeRecord.default({ name: 'threshold' }),
  ackTimeoutMs: ms.default(30_000),
  onLaggard: z.enum(LAGGARD_POLICIES).default('hold'),
  onNewRevision: z.enum(NEW_REVISION_POLICIES).exactOptional(),
  onRollback: z.looseObject({ closeStreamsAfterMs: ms.nullable() }).default({ closeStreamsAfterMs: null }),
  notify: z.array(name),
});

export const DocumentRecord: z.ZodType<KeptDocument> = z.looseObject({
  document: z.discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('Route'), name, spec: RouteSpecRecord }),
    z.looseObject({ kind: z.literal('Backend'), name, spec: BackendSpecRecord }),
    z.looseObject({ kind: z.literal('Plan'), name, spec: PlanSpecRecord }),
    z.looseObject({ kind: z.literal('Strategy'), name, spec: z.unknown() }),
  ]),
  source: z.string(),
  trigger: TriggerRecord.exactOptional(),
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
  next: z.string().nullish(),
  retired: z.array(z.looseObject({ revision: RevisionRecord, pinned: z.boolean(), untilMs: ms })),
  previous: z
    .looseObject({
      revision: RevisionRecord,
      rolloutId: z.string(),
      warmUntilMs: ms,
      joint: z.array(name).exactOptional(),
    })
    .nullish(),
  undone: z.string().optional(),
  endpoints: z
    .looseObject({
      rev: z.number(),
      atMs: ms.exactOptional(),
      revisions: z.array(
        z.looseObject({ revision: name, addresses: z.array(HostPortRecord), by: z.string(), atMs: ms }),
      ),
    })
    .optional(),
  build: z.looseObject({ number: z.number(), revision: z.string() }).nullish(),
});
