import type { PathMatch, PinMatch, RequestMatch, ValueMatch } from '../model/match.ts';
import type { HeaderMatcher, PathSpecifier, RouteMatch } from './envoy-resources.ts';

/** A rule's match, optionally narrowed by a pin: both must hold. */
export function routeMatch(match: RequestMatch, pin: PinMatch | null): RouteMatch {
  const headers: HeaderMatcher[] = [];
  if (match.method !== undefined) headers.push({ name: ':method', stringMatch: { exact: match.method } });
  for (const header of match.headers) headers.push(valueMatcher(header));
  for (const header of pin?.headers ?? []) headers.push(valueMatcher(header));
  const queryParameters = match.queryParams.map(valueMatcher);
  return {
    ...pathSpecifier(match.path),
    ...(headers.length === 0 ? {} : { headers }),
    ...(queryParameters.length === 0 ? {} : { queryParameters }),
  };
}

function pathSpecifier(path: PathMatch | undefined): PathSpecifier {
  if (path === undefined) return { prefix: '/' };
  if (path.type === 'Exact') return { path: path.value };
  if (path.type === 'RegularExpression') return { safeRegex: { regex: path.value } };
  // Envoy's element-wise prefix must not end in a slash; Gateway API gives a trailing one no meaning.
  const prefix = path.value.replace(/\/+$/, '');
  return prefix === '' ? { prefix: '/' } : { pathSeparatedPrefix: prefix };
}

/** Regular expressions are full matches in Envoy. Header and query matchers share their shape. */
function valueMatcher(match: ValueMatch): HeaderMatcher {
  switch (match.type) {
    case 'Exact':
      return { name: match.name, stringMatch: { exact: match.value } };
    case 'Prefix':
      return { name: match.name, stringMatch: { prefix: match.value } };
    case 'RegularExpression':
      return { name: match.name, stringMatch: { safeRegex: { regex: match.value } } };
    case 'Present':
      return { name: match.name, presentMatch: true };
  }
}
