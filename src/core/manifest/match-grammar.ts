import { z } from 'zod';
import type { PinMatch, RequestMatch, ValueMatch } from '../model/match.ts';
import { CANARY } from '../model/variants.ts';
import { cookiePattern } from '../traffic/cookie-pattern.ts';
import { pinnedPath } from '../traffic/route-match.ts';
import { choice, documentName, fields, regexProblem, text } from './fields.ts';

/** Which requests: paths, headers, query parameters, cookies, gRPC methods. */

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const PARAMETER_NAME = /^[^\s&=#]{1,128}$/;
const GRPC_NAME = /^[A-Za-z_][A-Za-z0-9_.]{0,254}$/;

type Kind = 'header' | 'parameter' | 'cookie';

const TYPES = {
  header: ['Exact', 'Prefix', 'Suffix', 'Contains', 'RegularExpression', 'Present', 'Absent', 'Range'],
  parameter: ['Exact', 'Prefix', 'Suffix', 'Contains', 'RegularExpression', 'Present'],
  cookie: ['Exact', 'RegularExpression', 'Present'],
} as const satisfies Record<Kind, readonly [ValueMatch['type'], ...ValueMatch['type'][]]>;

/** What is wrong with a name, or nothing. Header names are in lower case by then. */
function nameProblem(kind: Kind, name: string): string | null {
  if (kind === 'parameter') return PARAMETER_NAME.test(name) ? null : 'expected the name of a query parameter';
  if (kind === 'cookie') return HEADER_NAME.test(name) ? null : 'expected the name of a cookie';
  return isHeaderName(name) ? null : NO_HEADER_NAME;
}

export const NO_HEADER_NAME = 'expected the name of a header (not host, no pseudo-header)';

export function isHeaderName(name: string): boolean {
  return HEADER_NAME.test(name) && name.toLowerCase() !== 'host';
}

const wholeNumber = z.int('expected a whole number');

function valueMatch(kind: Kind): z.ZodType<ValueMatch> {
  const raw = fields({
    name: z.string('expected a name'),
    type: choice(TYPES[kind]).optional(),
    value: text(1_024).optional(),
    ...(kind === 'header' ? { start: wholeNumber.optional(), end: wholeNumber.optional() } : {}),
  });
  return raw.transform((given, ctx): ValueMatch => {
    const { type = 'Exact', value } = given;
    const { start, end } = given as { start?: number; end?: number };
    const name = kind === 'header' ? given.name.toLowerCase() : given.name;
    const complain = (message: string, path: string) => {
      ctx.addIssue({ code: 'custom', message, path: [path] });
      return z.NEVER;
    };
    const badName = nameProblem(kind, name);
    if (badName !== null) complain(badName, 'name');
    if (type !== 'Range' && (start ?? end) !== undefined) complain(`${type} takes no start and end`, 'type');
    if (type === 'Present' || type === 'Absent') {
      if (value !== undefined) return complain(`${type} takes no value`, 'value');
      const long = kind === 'cookie' ? regexProblem(cookiePattern({ name, type })) : null;
      return long === null ? { name, type } : complain(long, 'name');
    }
    if (type === 'Range') {
      if (value !== undefined) return complain('Range takes start and end, no value', 'value');
      if (start === undefined || end === undefined) return complain('Range needs start and end', 'type');
      return start < end ? { name, type, start, end } : complain('expected an end above the start', 'end');
    }
    if (value === undefined) return complain(`${type} needs a value`, 'value');
    const match = { name, type, value };
    const pattern = kind === 'cookie' ? cookiePattern(match) : type === 'RegularExpression' ? value : null;
    const problem = pattern === null ? null : regexProblem(pattern);
    return problem === null ? match : complain(problem, 'value');
  });
}

const headerMatches = z.array(valueMatch('header'), 'expected a list of header matches').max(16, 'at most 16');
const queryMatches = z.array(valueMatch('parameter'), 'expected a list of parameter matches').max(16, 'at most 16');
const cookieMatches = z.array(valueMatch('cookie'), 'expected a list of cookie matches').max(16, 'at most 16');

const path = fields({
  type: choice(['PathPrefix', 'Exact', 'RegularExpression']).optional(),
  value: z.string('expected a path').max(1_024),
}).transform((raw, ctx) => {
  const type = raw.type ?? 'PathPrefix';
  const problem = type === 'RegularExpression' ? regexProblem(raw.value) : pathProblem(raw.value);
  if (problem !== null) ctx.addIssue({ code: 'custom', message: problem, path: ['value'] });
  return { type, value: raw.value };
});

export function pathProblem(value: string): string | null {
  if (!value.startsWith('/')) return 'expected a path that begins with "/"';
  return /[?#\s\p{Cc}]/u.test(value) ? 'a path has no "?", "#" or white space' : null;
}

const grpcName = z.string('expected a name').regex(GRPC_NAME, 'expected a name like shop.v1.Checkout');

const method = choice(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']);

const pinMatch = fields({
  headers: headerMatches.optional(),
  cookies: cookieMatches.optional(),
  queryParams: queryMatches.optional(),
  method: method.optional(),
  path: path.optional(),
  arm: documentName.optional(),
}).transform((raw, ctx): PinMatch => {
  const { headers = [], cookies = [], queryParams = [] } = raw;
  const conditions = headers.length + cookies.length + queryParams.length;
  const problem = raw.path === undefined ? null : regexProblem(pinnedPath(raw.path));
  if (problem !== null) {
    const message = `beside the path of a rule it is given to Envoy as a pattern: ${problem}`;
    ctx.addIssue({ code: 'custom', message, path: ['path', 'value'] });
  }
  if (conditions === 0 && raw.method === undefined && raw.path === undefined) {
    const message = 'expected at least one condition: without any, every request would go to the canary';
    ctx.addIssue({ code: 'custom', message });
  }
  return {
    headers,
    ...(cookies.length === 0 ? {} : { cookies }),
    ...(queryParams.length === 0 ? {} : { queryParams }),
    ...(raw.method === undefined ? {} : { method: raw.method }),
    ...(raw.path === undefined ? {} : { path: raw.path }),
    ...(raw.arm === undefined || raw.arm === CANARY ? {} : { arm: raw.arm }),
  };
});

/** Which requests a step pins: AND inside, OR between. */
export const pinMatches: z.ZodType<readonly PinMatch[]> = z
  .array(pinMatch, 'expected a list of matches')
  .max(16, 'at most 16 matches');

/** `service` and `method` make the path, as gRPC does. */
const grpc = fields({ service: grpcName.optional(), method: grpcName.optional() }).transform((raw, ctx) => {
  const { service, method } = raw;
  if (service === undefined && method === undefined) return undefined;
  if (service === undefined) {
    const value = `/[^/]+/${method}`;
    const problem = regexProblem(value);
    if (problem !== null) ctx.addIssue({ code: 'custom', message: problem, path: ['method'] });
    return { type: 'RegularExpression' as const, value };
  }
  if (method === undefined) return { type: 'PathPrefix' as const, value: `/${service}` };
  if (method.includes('.')) ctx.addIssue({ code: 'custom', message: 'a method has no "."', path: ['method'] });
  return { type: 'Exact' as const, value: `/${service}/${method}` };
});

export const requestMatch: z.ZodType<RequestMatch> = fields({
  path: path.optional(),
  method: method.optional(),
  headers: headerMatches.optional(),
  queryParams: queryMatches.optional(),
  cookies: cookieMatches.optional(),
  grpc: grpc.optional(),
}).transform((raw, ctx): RequestMatch => {
  const isGrpc = 'grpc' in raw;
  if (isGrpc && (raw.path ?? raw.method) !== undefined) {
    ctx.addIssue({ code: 'custom', message: 'grpc says path and method by itself', path: ['grpc'] });
  }
  const at = raw.path ?? raw.grpc;
  return {
    ...(at === undefined ? {} : { path: at }),
    ...(raw.method === undefined ? {} : { method: raw.method }),
    headers: raw.headers ?? [],
    queryParams: raw.queryParams ?? [],
    ...(raw.cookies === undefined || raw.cookies.length === 0 ? {} : { cookies: raw.cookies }),
    ...(isGrpc ? { grpc: true } : {}),
  };
});
