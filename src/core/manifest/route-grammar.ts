import { z } from 'zod';
import { type RouteSpec, TOTAL_WEIGHT } from '../model/documents.ts';
import type { RouteRule } from '../model/route-rule.ts';
import { defined, documentName, duration, fields, label, weight } from './fields.ts';
import { requestMatch } from './match-grammar.ts';
import { rawEnvoy } from './raw/raw-grammar.ts';
import {
  cors,
  fault,
  hash,
  headerChanges,
  mirror,
  rateLimit,
  redirect,
  respond,
  retry,
  rewrite,
  upgrades,
} from './rule-action-grammar.ts';

export const fleetName = z
  .string('expected the name of a fleet')
  .regex(/^[A-Za-z0-9_-]{1,63}$/, 'expected letters, digits, "_" and "-"');
const HOSTNAME = /^(\*|(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$/;

export const hostname = z
  .string('expected a hostname')
  .max(253)
  .transform((name) => name.toLowerCase())
  .refine((name) => HOSTNAME.test(name), 'expected a hostname, "*.suffix" or "*"');

const backends = z
  .array(fields({ name: documentName, weight }), 'expected a list of backends')
  .min(2, 'expected at least two; one goes under backend')
  .max(16, 'at most 16 backends')
  .superRefine((all, ctx) => {
    unique(all, null, ({ name }) => name, ctx);
    const sum = all.reduce((total, one) => total + one.weight, 0);
    if (sum === TOTAL_WEIGHT) return;
    ctx.addIssue({ code: 'custom', message: `the weights sum to ${sum / 100}, expected 100` });
  });

const rule = fields({
  name: label,
  matches: z.array(requestMatch, 'expected a list of matches').max(64, 'at most 64 matches').optional(),
  backend: documentName.optional(),
  backends: backends.optional(),
  redirect: redirect.optional(),
  respond: respond.optional(),
  timeout: duration({ min: '1ms', max: '1h' }).optional(),
  idleTimeout: duration({ min: '1ms', max: '1h' }).optional(),
  rewrite: rewrite.optional(),
  headers: headerChanges.optional(),
  retry: retry.optional(),
  mirror: mirror.optional(),
  hash: hash.optional(),
  upgrades: upgrades.optional(),
  cors: cors.optional(),
  fault: fault.optional(),
  rateLimit: rateLimit.optional(),
  rawEnvoy: rawEnvoy.optional(),
}).transform((raw, ctx): RouteRule => {
  const { name, matches, backend, backends: several, timeout, idleTimeout, ...rest } = raw;
  const ways = [backend, several, raw.redirect, raw.respond].filter((way) => way !== undefined);
  if (ways.length !== 1) {
    ctx.addIssue({ code: 'custom', message: 'expected one of backend, backends, redirect, respond' });
  }
  const own = raw.redirect ?? raw.respond;
  for (const key of ['rewrite', 'retry', 'mirror', 'hash', 'upgrades', 'timeout', 'idleTimeout'] as const) {
    if (own === undefined || raw[key] === undefined) continue;
    ctx.addIssue({ code: 'custom', message: `${key} is for requests that go to a backend`, path: [key] });
  }
  if (own !== undefined && raw.rawEnvoy !== undefined && 'route' in raw.rawEnvoy) {
    const message = 'route is for requests that go to a backend';
    ctx.addIssue({ code: 'custom', message, path: ['rawEnvoy', 'route'] });
  }
  for (const [at, change] of [
    ['redirect', raw.redirect?.path],
    ['rewrite', raw.rewrite?.path],
  ] as const) {
    const isPrefix = (matches ?? []).every(({ path }) => path === undefined || path.type === 'PathPrefix');
    if (change?.type !== 'ReplacePrefixMatch' || isPrefix) continue;
    const message = 'ReplacePrefixMatch needs matches by PathPrefix alone';
    ctx.addIssue({ code: 'custom', message, path: [at, 'path', 'type'] });
  }
  return defined({
    ...rest,
    name,
    matches: matches ?? [],
    backend: backend ?? null,
    backends: several?.map((one) => ({ backend: one.name, weight: one.weight })),
    timeoutMs: timeout ?? 15_000,
    idleTimeoutMs: idleTimeout,
  });
});

export const RouteGrammar: z.ZodType<RouteSpec> = fields({
  fleet: fleetName,
  hostnames: z
    .array(hostname, 'expected a list of hostnames')
    .min(1, 'expected at least one hostname')
    .max(64, 'at most 64 hostnames'),
  rules: z.array(rule, 'expected a list of rules').min(1, 'expected at least one rule').max(256, 'at most 256 rules'),
  rawEnvoy: rawEnvoy.optional(),
})
  .superRefine((spec, ctx) => {
    unique(spec.hostnames, 'hostnames', (name) => name, ctx);
    unique(spec.rules, 'rules', ({ name }) => name, ctx);
  })
  .transform((spec) => defined(spec));

function unique<T>(items: readonly T[], at: string | null, keyOf: (item: T) => string, ctx: z.RefinementCtx): void {
  const seen = new Set<string>();
  items.forEach((item, i) => {
    const key = keyOf(item);
    if (seen.has(key))
      ctx.addIssue({ code: 'custom', message: `"${key}" stands here twice`, path: at === null ? [i] : [at, i] });
    seen.add(key);
  });
}
