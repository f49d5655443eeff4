import type { z } from 'zod';
import { fail, ok, type Result, type SerinError } from '../../model/errors.ts';
import { placeOf } from './json-place.ts';

/** A reader is helped by the first mistakes, not by ten thousand. */
const MAX_ERRORS = 20;

/** A JSON file with numbers to compare, checked; every mistake has its path and its place. */
export function parseComparison<T>(file: string, text: string, grammar: z.ZodType<T>): Result<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return syntaxError(file, text, error);
  }
  const parsed = grammar.safeParse(json);
  if (parsed.success) return ok(parsed.data);
  return { kind: 'error', errors: parsed.error.issues.slice(0, MAX_ERRORS).map((issue) => wrong(file, text, issue)) };
}

function wrong(file: string, text: string, issue: z.core.$ZodIssue): SerinError {
  const key = issue.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : [];
  const path = [...issue.path, ...key];
  const { line, column } = placeOf(text, path);
  return {
    code: 'SERIN_ANALYSIS_FILE_INVALID',
    message: issue.message,
    path: path.reduce<string>((whole, part) => {
      if (typeof part === 'number') return `${whole}[${part}]`;
      return whole === '' ? String(part) : `${whole}.${String(part)}`;
    }, ''),
    place: { file, line, column },
  };
}

function syntaxError(file: string, text: string, error: unknown): Result<never> {
  const words = error instanceof Error ? error.message : '';
  const at = /at position (\d+)/.exec(words)?.[1];
  const before = text.slice(0, at === undefined ? text.length : Number(at)).split('\n');
  const place = { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  return fail('SERIN_ANALYSIS_FILE_INVALID', 'this is no JSON', { place });
}
