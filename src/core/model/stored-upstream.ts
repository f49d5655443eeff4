import { z } from 'zod';
import type { RawEnvoy } from './raw-envoy.ts';
import { LB_POLICIES, type SecretRef, type UpstreamSettings } from './upstream.ts';

/** Stored shapes of how Envoys speak to hosts; see `stored.ts`. */
const ms = z.number().int().nonnegative();
const count = z.number().int().nonnegative();

/** What is inside was read by the protos before it was stored. */
export const RawEnvoyRecord: z.ZodType<RawEnvoy> = z.record(z.string(), z.unknown());

const SecretRefRecord: z.ZodType<SecretRef> = z.union([
  z.looseObject({ file: z.string() }),
  z.looseObject({ sds: z.string() }),
]);

export const UpstreamRecord = z.looseObject({
  tls: z
    .looseObject({
      sni: z.string().optional(),
      ca: SecretRefRecord.nullable(),
      names: z.array(z.string()),
      certificate: z
        .union([z.looseObject({ chain: z.string(), key: z.string() }), z.looseObject({ sds: z.string() })])
        .optional(),
    })
    .optional(),
  loadBalancing: z.looseObject({ policy: z.enum(LB_POLICIES), slowStartMs: ms.optional() }).optional(),
  outlierEjection: z
    .looseObject({
      consecutive5xx: count,
      consecutiveGatewayErrors: count,
      intervalMs: ms,
      ejectionMs: ms,
      maxEjected: count.max(100),
    })
    .optional(),
  circuitBreaker: z
    .looseObject({
      connections: count.optional(),
      pending: count.optional(),
      requests: count.optional(),
      retries: count.optional(),
    })
    .optional(),
}) as z.ZodType<UpstreamSettings>;
