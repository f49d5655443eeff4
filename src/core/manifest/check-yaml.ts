import type { z } from 'zod';
import type { SerinError } from '../model/errors.ts';
import type { YamlDocument } from './yaml-source.ts';

/** More errors of one part than this help nobody. */
const MAX_ERRORS = 50;

/** Parses a part of a document; zod's issues become errors with the place in the user's file. */
export function check<T>(
  yaml: YamlDocument,
  grammar: z.ZodType<T>,
  value: unknown,
  at: string,
  errors: SerinError[],
  code: SerinError['code'] = 'SERIN_DOCUMENT_INVALID',
): T | null {
  const parsed = grammar.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of sensible(parsed.error.issues).slice(0, MAX_ERRORS)) {
    const extra = issue.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : [];
    const path = `${at}${pathText([...issue.path, ...extra], at)}`;
    const message = issue.message.slice(0, 600);
    const place = extra.length > 0 || message.startsWith('unknown key') ? yaml.keyPlaceOf(path) : yaml.placeOf(path);
    errors.push({ code, message, path, place });
  }
  return null;
}

/** What is no list at all has not too many entries, though its text has a length. */
function sensible(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const wrong = new Set(issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => pathText(path)));
  return issues.filter(({ code, path }) => !(code === 'too_big' || code === 'too_small') || !wrong.has(pathText(path)));
}

export function pathText(path: readonly PropertyKey[], lead = ''): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return lead === '' && text.startsWith('.') ? text.slice(1) : text;
}
