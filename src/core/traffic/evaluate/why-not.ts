import { envoyPattern, fullMatch } from '../../model/envoy-pattern.ts';
import type { HeaderMatcher, QueryMatcher, RouteMatch, StringMatch } from '../route-resource.ts';
import { headerOf, parameterOf, pathOf, type SampleRequest } from './sample-request.ts';

/** The first reason, in words, why a request is not for a route; `null`: it is. */
export function whyNot(match: RouteMatch, request: SampleRequest): string | null {
  return (
    pathProblem(match, pathOf(request)) ??
    (match.grpc === undefined || isGrpc(request) ? null : 'it is no call of gRPC') ??
    first(match.headers ?? [], (matcher) => headerProblem(matcher, headerOf(request, matcher.name))) ??
    first(match.queryParameters ?? [], (matcher) => queryProblem(matcher, parameterOf(request, matcher.name)))
  );
}

function first<T>(all: readonly T[], problem: (one: T) => string | null): string | null {
  for (const one of all) {
    const found = problem(one);
    if (found !== null) return found;
  }
  return null;
}

function pathProblem(match: RouteMatch, path: string): string | null {
  if ('path' in match) return path === match.path ? null : `the path is not ${match.path}`;
  if ('prefix' in match) return path.startsWith(match.prefix) ? null : `the path does not begin with ${match.prefix}`;
  if ('safeRegex' in match) {
    const { regex } = match.safeRegex;
    return fullMatch(envoyPattern(regex), path) ? null : `the path does not fit ${regex}`;
  }
  const prefix = match.pathSeparatedPrefix;
  const below = path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/');
  return below ? null : `the path is not at or below ${prefix}`;
}

function isGrpc(request: SampleRequest): boolean {
  return /^application\/grpc(?:\+|$)/s.test(headerOf(request, 'content-type')[0] ?? '');
}

/** One value that fits is enough. */
function headerProblem(matcher: HeaderMatcher, values: readonly string[]): string | null {
  const what = matcher.name.startsWith(':') ? `the ${matcher.name.slice(1)}` : `the header ${matcher.name}`;
  const [value] = values;
  if ('presentMatch' in matcher) {
    if (matcher.presentMatch === (value !== undefined)) return null;
    return matcher.presentMatch ? `${what} is not there` : `${what} is there`;
  }
  if (value === undefined) return `${what} is not there`;
  const problems = values.map((one) =>
    'stringMatch' in matcher
      ? stringProblem(matcher.stringMatch, one, what)
      : rangeProblem(matcher.rangeMatch, one, what),
  );
  return problems.includes(null) ? null : (problems[0] ?? null);
}

function rangeProblem({ start, end }: { start: number; end: number }, value: string, what: string): string | null {
  const number = wholeNumber(value);
  if (number !== null && number >= BigInt(start) && number < BigInt(end)) return null;
  return `${what} is no number from ${start} to below ${end}`;
}

function queryProblem(matcher: QueryMatcher, value: string | null): string | null {
  const what = `the query parameter ${matcher.name}`;
  if (value === null) return `${what} is not there`;
  return 'presentMatch' in matcher ? null : stringProblem(matcher.stringMatch, value, what);
}

function stringProblem(match: StringMatch, value: string, what: string): string | null {
  if ('exact' in match) return value === match.exact ? null : `${what} is not "${match.exact}"`;
  if ('prefix' in match) return value.startsWith(match.prefix) ? null : `${what} does not begin with "${match.prefix}"`;
  if ('suffix' in match) return value.endsWith(match.suffix) ? null : `${what} does not end with "${match.suffix}"`;
  if ('contains' in match) return value.includes(match.contains) ? null : `${what} does not hold "${match.contains}"`;
  const { regex } = match.safeRegex;
  return fullMatch(envoyPattern(regex), value) ? null : `${what} does not fit ${regex}`;
}

const LARGEST = 2n ** 63n;

/** A signed whole number of 64 bits; `null`: it is none. */
function wholeNumber(text: string): bigint | null {
  if (!/^\s*[+-]?\d+\s*$/.test(text)) return null;
  const number = BigInt(text.trim().replace(/^\+/, ''));
  return number >= -LARGEST && number < LARGEST ? number : null;
}
