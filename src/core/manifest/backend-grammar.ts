import { z } from 'zod';
import { withRevision } from '../model/cut-revision.ts';
import type { BackendSpec, EndpointsSpec, HealthCheck } from '../model/documents.ts';
import { isIp, parseHostPort } from '../model/host-port.ts';
import { choice, defined, duration, fields, text } from './fields.ts';
import { looksLike } from './input-shape.ts';
import { rawEnvoy } from './raw/raw-grammar.ts';
import { checkTemplate } from './render-query.ts';
import { revisionName } from './revision-grammar.ts';
import { UPSTREAM_FIELDS, upstreamOf } from './upstream-grammar.ts';

const endpoints: z.ZodType<EndpointsSpec> = fields({
  dns: text(512).optional(),
  cluster: text(253).optional(),
  api: fields({}).optional(),
  static: z
    .array(z.string('expected "ip:port"'))
    .min(1, 'expected at least one address')
    .max(1_000, 'at most 1000 addresses')
    .optional(),
}).transform((raw, ctx): EndpointsSpec => {
  const complain = (message: string, ...path: (string | number)[]) => {
    ctx.addIssue({ code: 'custom', message, path });
    return z.NEVER;
  };
  if ([raw.dns, raw.static, raw.cluster, raw.api].filter((one) => one !== undefined).length !== 1) {
    return complain('expected one of dns, static, cluster and api');
  }
  if (raw.api !== undefined) return { kind: 'api' };
  if (raw.cluster !== undefined) {
    const sample = withRevision(raw.cluster, 'v1');
    if (checkTemplate(raw.cluster, ['revision']) === null && /^[A-Za-z0-9_-]{1,200}$/.test(sample)) {
      return { kind: 'cluster', name: raw.cluster };
    }
    const message =
      'expected the name of a cluster of the Envoys: letters, digits, "_", "-"; {{ revision }} may stand in it';
    return complain(message, 'cluster');
  }
  if (raw.dns !== undefined)
    return dnsEndpoint(raw.dns) ?? complain('expected "name:port"; {{ revision }} may stand in the name', 'dns');
  const addresses = (raw.static ?? []).map((address, i) => {
    const parsed = parseHostPort(address);
    return parsed !== null && isIp(parsed.host)
      ? parsed
      : complain('expected "ip:port"; names go under dns', 'static', i);
  });
  return { kind: 'static', addresses };
});

function dnsEndpoint(raw: string): EndpointsSpec | null {
  const cut = raw.lastIndexOf(':');
  const [host, port] = [raw.slice(0, cut), Number(raw.slice(cut + 1))];
  if (checkTemplate(host, ['revision']) !== null) return null;
  const sample = parseHostPort(`${withRevision(host, 'v1')}:${port}`);
  return sample === null || isIp(sample.host) ? null : { kind: 'dns', host, port };
}

const healthCheck = fields({
  path: text(1_024)
    .refine((path) => path.startsWith('/'), 'expected a path that begins with "/"')
    .optional(),
  grpc: fields({ service: z.string('expected the name of a service').max(256).optional() }).optional(),
  tcp: z.literal(true, 'expected true').optional(),
  interval: duration({ min: '100ms', max: '10m' }).optional(),
  timeout: duration({ min: '10ms', max: '1m' }).optional(),
  healthyThreshold: z.int('expected a whole number').min(1).max(100).optional(),
  unhealthyThreshold: z.int('expected a whole number').min(1).max(100).optional(),
}).transform((raw, ctx) => ({
  ...howChecked(raw, ctx),
  intervalMs: raw.interval ?? 5_000,
  timeoutMs: raw.timeout ?? 1_000,
  healthyThreshold: raw.healthyThreshold ?? 1,
  unhealthyThreshold: raw.unhealthyThreshold ?? 3,
}));

function howChecked(
  {
    path,
    grpc,
    tcp,
  }: { path?: string | undefined; grpc?: { service?: string | undefined } | undefined; tcp?: true | undefined },
  ctx: z.RefinementCtx,
): Pick<HealthCheck, 'path' | 'grpc' | 'tcp'> {
  const ways = [path, grpc, tcp].filter((one) => one !== undefined).length;
  if (ways !== 1) ctx.addIssue({ code: 'custom', message: 'expected one of path, grpc and tcp' });
  if (path !== undefined) return { path };
  return grpc === undefined ? { tcp: true } : { grpc: { service: grpc.service ?? '' } };
}

const initial = z.unknown().transform((value, ctx): BackendSpec['initial'] => {
  const schema =
    typeof value === 'string'
      ? revisionName.transform((revision) => ({ revision }))
      : fields({ revision: revisionName, endpoints: endpoints.optional() });
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) ctx.addIssue({ code: 'custom', message: issue.message, path: issue.path });
    return z.NEVER;
  }
  const { revision, endpoints: own } = parsed.data as { revision: string; endpoints?: EndpointsSpec };
  return { revision, endpoints: own ?? null };
});

looksLike(initial, {
  grammar: () => z.union([revisionName, fields({ revision: revisionName, endpoints: endpoints.optional() })]),
});

export const BackendGrammar: z.ZodType<BackendSpec> = fields({
  protocol: choice(['http1', 'http2', 'grpc']).optional(),
  connectTimeout: duration({ min: '10ms', max: '1m' }).optional(),
  healthCheck: healthCheck.optional(),
  ...UPSTREAM_FIELDS,
  rawEnvoy: rawEnvoy.optional(),
  endpoints: endpoints.optional(),
  initial: initial.optional(),
})
  .superRefine((raw, ctx) => {
    if (raw.endpoints?.kind !== 'cluster') return;
    const own = ['connectTimeout', 'healthCheck', ...Object.keys(UPSTREAM_FIELDS), 'rawEnvoy'] as const;
    for (const key of own) {
      if (raw[key as keyof typeof raw] === undefined) continue;
      ctx.addIssue({ code: 'custom', message: 'a cluster of the Envoys has its own settings', path: [key] });
    }
  })
  .transform((raw) =>
    defined({
      protocol: raw.protocol ?? 'http1',
      connectTimeoutMs: raw.connectTimeout ?? 1_000,
      healthCheck: raw.healthCheck ?? null,
      upstream: upstreamOf(raw),
      rawEnvoy: raw.rawEnvoy,
      endpoints: raw.endpoints ?? null,
      initial: raw.initial ?? null,
    }),
  )
  .superRefine((spec, ctx) => {
    if (spec.initial !== null && spec.initial.endpoints === null && spec.endpoints === null) {
      ctx.addIssue({
        code: 'custom',
        message: 'the initial revision needs endpoints: here or under spec.endpoints',
        path: ['initial'],
      });
    }
  });
