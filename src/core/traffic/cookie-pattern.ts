import type { ValueMatch } from '../model/match.ts';

/**
 * One cookie among all of the `cookie` header, as a full match over it: Envoy knows cookies in matches only since 1.37.
 * Measured form (`(?:^|.*;\\s*)name=value(?:;.*|$)`); the name begins after a semicolon or at the start.
 */
export function cookiePattern(match: ValueMatch): string {
  return `(?:|.*;\\s*)${quoted(match.name)}=${valuePattern(match)}(?:;.*)?`;
}

function valuePattern(match: ValueMatch): string {
  if (match.type === 'RegularExpression') return `(?:${match.value})`;
  return match.type === 'Exact' ? quoted(match.value) : '[^;]*';
}

/** RE2's own quoting: every byte that could mean something gets a backslash. */
export function quoted(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}
