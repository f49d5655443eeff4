import type { RequestMatch } from '../model/match.ts';

/**
 * Which of two matches of one host goes first, as Gateway API orders HTTPRoute matches: exact path, longer prefix,
 * a method, more headers, more query parameters. Regular expressions, left open there, stand between exact paths and
 * prefixes. 0 means equal: then the order of the document decides, so sort with a stable sort.
 */
export function compareMatches(a: RequestMatch, b: RequestMatch): number {
  return (
    pathRank(b) - pathRank(a) ||
    pathLength(b) - pathLength(a) ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    headerCount(b) - headerCount(a) ||
    b.queryParams.length - a.queryParams.length
  );
}

/** A cookie is a header's part. */
function headerCount({ headers, cookies }: RequestMatch): number {
  return headers.length + (cookies?.length ?? 0);
}

function pathRank({ path }: RequestMatch): number {
  if (path?.type === 'Exact') return 2;
  return path?.type === 'RegularExpression' ? 1 : 0;
}

function pathLength({ path }: RequestMatch): number {
  if (path === undefined) return 1;
  // `/a` and `/a/` are the same prefix.
  return path.type === 'PathPrefix' ? Math.max(1, path.value.replace(/\/+$/, '').length) : path.value.length;
}
