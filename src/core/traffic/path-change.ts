import type { RequestMatch } from '../model/match.ts';
import type { PathChange, Redirect } from '../model/route-rule.ts';
import { quoted } from './cookie-pattern.ts';
import { elementPrefix } from './route-match.ts';
import type { PathRewrite, RedirectAction } from './route-resource.ts';

const CODES: Readonly<Record<Redirect['status'], RedirectAction['responseCode']>> = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
};

export function redirectAction(redirect: Redirect, match: RequestMatch): RedirectAction {
  const { status, scheme, host, port, path, dropQuery } = redirect;
  return {
    responseCode: CODES[status],
    ...(scheme === undefined ? {} : { schemeRedirect: scheme }),
    ...(host === undefined ? {} : { hostRedirect: host }),
    ...(port === undefined ? {} : { portRedirect: port }),
    ...(path?.type === 'ReplaceFullPath' ? { pathRedirect: path.value } : pathRewrite(path, match)),
    ...(dropQuery === true ? { stripQuery: true } : {}),
  };
}

/** Of the path alone: the query stays. */
export function pathRewrite(path: PathChange | undefined, match: RequestMatch): PathRewrite {
  if (path === undefined) return {};
  switch (path.type) {
    case 'ReplaceFullPath':
      return { regexRewrite: { pattern: { regex: '^.*$' }, substitution: plain(path.value) } };
    case 'RegularExpression':
      return { regexRewrite: { pattern: { regex: path.pattern }, substitution: path.substitution } };
    case 'ReplacePrefixMatch':
      return replacedPrefix(elementPrefix(match.path?.value ?? '/'), elementPrefix(path.value));
  }
}

/** By elements on both sides: `/a` → `/` makes `/a/x` to `/x`, which Envoy's own replacement would make `//x`. */
function replacedPrefix(prefix: string, replacement: string): PathRewrite {
  if (prefix !== '' && replacement !== '') return { prefixRewrite: replacement };
  const substitution = replacement === '' ? '/' : `${plain(replacement)}/`;
  return { regexRewrite: { pattern: { regex: `^${quoted(prefix)}/*` }, substitution } };
}

function plain(text: string): string {
  return text.replaceAll('\\', '\\\\');
}
