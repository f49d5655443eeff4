import { z } from 'zod';
import type { BackendSpec, EndpointsSpec } from '../model/documents.ts';
import { isIp, parseHostPort } from '../model/host-port.ts';
import { choice, duration, fields, text } from './fields.ts';
import { checkTemplate } from './render-query.ts';

const endpoints: z.ZodType<EndpointsSpec> = fields({
  dns: text(512).optional(),
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
  if ((raw.dns === undefined) === (raw.static === undefined)) return complain('expected either dns or static');
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
  const sample = parseHostPort(`${host.replaceAll(/\{\{\s*revision\s*\}\}/g, 'v1')}:${port}`);
  return sample === null || isIp(sample.host) ? null : { kind: 'dns', host, port };
}

const revisionName = z
  .string('expected the name of a revision')
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected letters, digits, ".", "_", "-", at most 63');

const healthCheck = fields({
  path: text(1_024).refine((path) => path.startsWith('/'), 'expected a path that begins with "/"'),
  interval: duration({ min: '100ms', max: '10m' }).optional(),
  timeout: duration({ min: '10ms', max: '1m' }).optional(),
  healthyThreshold: z.int('expected a whole number').min(1).max(100).optional(),
  unhealthyThreshold: z.int('expected a whole number').min(1).max(100).optional(),
}).transform((raw) => ({
  path: raw.path,
  intervalMs: raw.interval ?? 5_000,
  timeoutMs: raw.timeout ?? 1_000,
  healthyThreshold: raw.healthyThreshold ?? 1,
  unhealthyThreshold: raw.unhealthyThreshold ?? 3,
}));

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

export const BackendGrammar: z.ZodType<BackendSpec> = fields({
  protocol: choice(['http1', 'http2', 'grpc']).optional(),
  connectTimeout: duration({ min: '10ms', max: '1m' }).optional(),
  healthCheck: healthCheck.optional(),
  endpoints: endpoints.optional(),
  initial: initial.optional(),
})
  .transform((raw) => ({
    protocol: raw.protocol ?? 'http1',
    connectTimeoutMs: raw.connectTimeout ?? 1_000,
    healthCheck: raw.healthCheck ?? null,
    endpoints: raw.endpoints ?? null,
    initial: raw.initial ?? null,
  }))
  .superRefine((spec, ctx) => {
    if (spec.initial !== null && spec.initial.endpoints === null && spec.endpoints === null) {
      ctx.addIssue({
        code: 'custom',
        message: 'the initial revision needs endpoints: here or under spec.endpoints',
        path: ['initial'],
      });
    }
  });
