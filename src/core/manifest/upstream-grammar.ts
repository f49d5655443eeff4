import { z } from 'zod';
import { type CircuitBreaker, LB_POLICIES, type UpstreamSettings, type UpstreamTls } from '../model/upstream.ts';
import { choice, defined, duration, fields, text } from './fields.ts';

/** How Envoys speak to a backend's hosts. Secrets stand nowhere: only where they are, a file or a name of Envoy's. */

const path = text(1_024).refine(
  (value) => value.startsWith('/'),
  "expected an absolute path on the Envoys' machines; secrets themselves never stand in a document",
);
const sds = text(253).refine(
  (value) => /^[A-Za-z0-9._/-]+$/.test(value),
  'expected the name of a secret of the Envoys',
);
const hostname = z
  .string('expected a hostname')
  .regex(/^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, 'expected a hostname');
const whole = (min: number, max: number) =>
  z.int('expected a whole number').min(min, `expected at least ${min}`).max(max, `at most ${max}`);

const ca = fields({ file: path.optional(), sds: sds.optional() }).transform((raw, ctx) => {
  if (raw.file !== undefined && raw.sds === undefined) return { file: raw.file };
  if (raw.sds !== undefined && raw.file === undefined) return { sds: raw.sds };
  ctx.addIssue({ code: 'custom', message: 'expected either file or sds' });
  return z.NEVER;
});

const certificate = fields({ chain: path.optional(), key: path.optional(), sds: sds.optional() }).transform(
  (raw, ctx) => {
    const { chain, key } = raw;
    if (chain !== undefined && key !== undefined && raw.sds === undefined) return { chain, key };
    if (raw.sds !== undefined && chain === undefined && key === undefined) return { sds: raw.sds };
    ctx.addIssue({ code: 'custom', message: 'expected either chain and key, or sds' });
    return z.NEVER;
  },
);

const tls = fields({
  sni: hostname.optional(),
  ca: ca.optional(),
  verify: z.boolean('expected true or false').optional(),
  names: z.array(hostname, 'expected a list of hostnames').max(16, 'at most 16').optional(),
  certificate: certificate.optional(),
}).transform((raw, ctx): UpstreamTls => {
  const { sni, verify = true, names } = raw;
  const common = defined({ sni, certificate: raw.certificate });
  if (!verify) {
    if (raw.ca === undefined && names === undefined) return { ...common, ca: null, names: [] };
    ctx.addIssue({ code: 'custom', message: 'nothing is verified, so ca and names say nothing', path: ['verify'] });
    return z.NEVER;
  }
  if (raw.ca === undefined) {
    const message = 'expected ca, to verify the hosts by, or verify: false to trust whoever answers';
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  const wanted = names ?? (sni === undefined ? [] : [sni]);
  if (wanted.length === 0) {
    const message = 'expected sni or names: any certificate of that ca would do, whoever it was made for';
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  return { ...common, ca: raw.ca, names: wanted };
});

const loadBalancing = fields({
  policy: choice(LB_POLICIES).optional(),
  slowStart: duration({ min: '1s', max: '1h' }).optional(),
}).transform((raw, ctx) => {
  const { policy = 'round-robin', slowStart } = raw;
  if (slowStart !== undefined && policy !== 'round-robin' && policy !== 'least-request') {
    const message = `${policy} knows no slow start; round-robin and least-request do`;
    ctx.addIssue({ code: 'custom', message, path: ['slowStart'] });
  }
  return defined({ policy, slowStartMs: slowStart });
});

const outlierEjection = fields({
  consecutive5xx: whole(0, 10_000).optional(),
  consecutiveGatewayErrors: whole(0, 10_000).optional(),
  interval: duration({ min: '100ms', max: '1h' }).optional(),
  ejection: duration({ min: '1s', max: '1h' }).optional(),
  maxEjected: whole(0, 100).optional(),
}).transform((raw) => ({
  consecutive5xx: raw.consecutive5xx ?? 5,
  consecutiveGatewayErrors: raw.consecutiveGatewayErrors ?? 0,
  intervalMs: raw.interval ?? 10_000,
  ejectionMs: raw.ejection ?? 30_000,
  maxEjected: raw.maxEjected ?? 10,
}));

const most = whole(1, 1_000_000).optional();
const circuitBreaker = fields({ connections: most, pending: most, requests: most, retries: most }).transform(
  (raw): CircuitBreaker => defined(raw),
);

export const UPSTREAM_FIELDS = {
  tls: tls.optional(),
  loadBalancing: loadBalancing.optional(),
  outlierEjection: outlierEjection.optional(),
  circuitBreaker: circuitBreaker.optional(),
};

/** In one order of keys, since a revision's name is a hash of it; `undefined`: nothing is said. */
export function upstreamOf(
  raw: {
    readonly [K in keyof UpstreamSettings]?: UpstreamSettings[K] | undefined;
  },
): UpstreamSettings | undefined {
  const settings = defined({
    tls: raw.tls,
    loadBalancing: raw.loadBalancing,
    outlierEjection: raw.outlierEjection,
    circuitBreaker: raw.circuitBreaker,
  });
  return Object.keys(settings).length === 0 ? undefined : settings;
}
