import { assertNever } from '../model/assert-never.ts';
import type { PathMatch, PinMatch, RequestMatch, ValueMatch } from '../model/match.ts';
import { cookiePattern, quoted } from './cookie-pattern.ts';
import type { HeaderMatcher, PathSpecifier, QueryMatcher, RouteMatch, StringMatch } from './route-resource.ts';

/** A rule's match, narrowed by what backends pin or tell apart: all must hold. */
export function routeMatch(match: RequestMatch, narrowed: readonly PinMatch[]): RouteMatch {
  const all = [match, ...narrowed];
  const headers: HeaderMatcher[] = all.flatMap(({ method, headers: own, cookies = [] }) => [
    ...(method === undefined ? [] : [{ name: ':method', stringMatch: { exact: method } }]),
    ...own.map(headerMatcher),
    ...cookies.map((cookie) => ({ name: 'cookie', stringMatch: { safeRegex: { regex: cookiePattern(cookie) } } })),
  ]);
  // A route has one path of its own, which is the rule's.
  headers.push(...narrowed.flatMap(({ path }) => (path === undefined ? [] : [pathHeader(path)])));
  const queryParameters = all.flatMap(({ queryParams = [] }) => queryParams.map(queryMatcher));
  return {
    ...pathSpecifier(match.path),
    ...(match.grpc === true ? { grpc: {} } : {}),
    ...(headers.length === 0 ? {} : { headers }),
    ...(queryParameters.length === 0 ? {} : { queryParameters }),
  };
}

function pathSpecifier(path: PathMatch | undefined): PathSpecifier {
  if (path === undefined) return { prefix: '/' };
  if (path.type === 'Exact') return { path: path.value };
  if (path.type === 'RegularExpression') return { safeRegex: { regex: path.value } };
  const prefix = elementPrefix(path.value);
  return prefix === '' ? { prefix: '/' } : { pathSeparatedPrefix: prefix };
}

function pathHeader(path: PathMatch): HeaderMatcher {
  return { name: ':path', stringMatch: { safeRegex: { regex: pinnedPath(path) } } };
}

/** Of a path that narrows a rule's match: the pattern of the pseudo-header, where the query still stands behind it. */
export function pinnedPath({ type, value }: PathMatch): string {
  switch (type) {
    case 'Exact':
      return `${quoted(value)}(?:\\?.*)?`;
    case 'RegularExpression':
      return `(?:${value})(?:\\?.*)?`;
    case 'PathPrefix':
      return `${quoted(elementPrefix(value))}(?:[/?].*)?`;
  }
}

/** Envoy's element-wise prefix must not end in a slash; Gateway API gives a trailing one no meaning. */
export function elementPrefix(value: string): string {
  return value.replace(/\/+$/, '');
}

function headerMatcher(match: ValueMatch): HeaderMatcher {
  const { name } = match;
  if (match.type === 'Present') return { name, presentMatch: true };
  if (match.type === 'Absent') return { name, presentMatch: false };
  if (match.type === 'Range') return { name, rangeMatch: { start: match.start, end: match.end } };
  return { name, stringMatch: stringMatch(match) };
}

function queryMatcher(match: ValueMatch): QueryMatcher {
  if (match.type === 'Present') return { name: match.name, presentMatch: true };
  // The grammar lets neither through; a stored one must not become a match of everything.
  if (match.type === 'Absent' || match.type === 'Range') throw new Error(`${match.type} is for headers alone`);
  return { name: match.name, stringMatch: stringMatch(match) };
}

/** Regular expressions are full matches in Envoy. */
function stringMatch(match: Extract<ValueMatch, { value: string }>): StringMatch {
  switch (match.type) {
    case 'Exact':
      return { exact: match.value };
    case 'Prefix':
      return { prefix: match.value };
    case 'Suffix':
      return { suffix: match.value };
    case 'Contains':
      return { contains: match.value };
    case 'RegularExpression':
      return { safeRegex: { regex: match.value } };
    default:
      return assertNever(match.type);
  }
}
