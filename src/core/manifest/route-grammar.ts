import { z } from 'zod';
import type { RouteSpec } from '../model/documents.ts';
import type { RequestMatch } from '../model/match.ts';
import { choice, documentName, duration, fields, headerMatches, label, queryMatches, regexProblem } from './fields.ts';

const FLEET = z
  .string('expected the name of a fleet')
  .regex(/^[A-Za-z0-9_-]{1,63}$/, 'expected letters, digits, "_" and "-"');
const HOSTNAME = /^(\*|(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$/;

const hostname = z
  .string('expected a hostname')
  .max(253)
  .transform((name) => name.toLowerCase())
  .refine((name) => HOSTNAME.test(name), 'expected a hostname, "*.suffix" or "*"');

const path = fields({
  type: choice(['PathPrefix', 'Exact', 'RegularExpression']).optional(),
  value: z.string('expected a path').max(1_024),
}).transform((raw, ctx) => {
  const type = raw.type ?? 'PathPrefix';
  const problem = type === 'RegularExpression' ? regexProblem(raw.value) : pathProblem(raw.value);
  if (problem !== null) ctx.addIssue({ code: 'custom', message: problem, path: ['value'] });
  return { type, value: raw.value };
});

function pathProblem(value: string): string | null {
  if (!value.startsWith('/')) return 'expected a path that begins with "/"';
  return /[?#\s\p{Cc}]/u.test(value) ? 'a path has no "?", "#" or white space' : null;
}

const match = fields({
  path: path.optional(),
  method: choice(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']).optional(),
  headers: headerMatches.optional(),
  queryParams: queryMatches.optional(),
}).transform(
  (raw): RequestMatch => ({
    ...(raw.path === undefined ? {} : { path: raw.path }),
    ...(raw.method === undefined ? {} : { method: raw.method }),
    headers: raw.headers ?? [],
    queryParams: raw.queryParams ?? [],
  }),
);

const rule = fields({
  name: label,
  matches: z.array(match, 'expected a list of matches').max(64, 'at most 64 matches').optional(),
  backend: documentName,
  timeout: duration({ min: '1ms', max: '1h' }).optional(),
}).transform((raw) => ({
  name: raw.name,
  matches: raw.matches ?? [],
  backend: raw.backend,
  timeoutMs: raw.timeout ?? 15_000,
}));

export const RouteGrammar: z.ZodType<RouteSpec> = fields({
  fleet: FLEET,
  hostnames: z
    .array(hostname, 'expected a list of hostnames')
    .min(1, 'expected at least one hostname')
    .max(64, 'at most 64 hostnames'),
  rules: z.array(rule, 'expected a list of rules').min(1, 'expected at least one rule').max(256, 'at most 256 rules'),
}).superRefine((spec, ctx) => {
  unique(spec.hostnames, 'hostnames', (name) => name, ctx);
  unique(spec.rules, 'rules', ({ name }) => name, ctx);
});

function unique<T>(items: readonly T[], at: string, keyOf: (item: T) => string, ctx: z.RefinementCtx): void {
  const seen = new Set<string>();
  items.forEach((item, i) => {
    const key = keyOf(item);
    if (seen.has(key)) ctx.addIssue({ code: 'custom', message: `"${key}" stands here twice`, path: [at, i] });
    seen.add(key);
  });
}
