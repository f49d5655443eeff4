import { z } from 'zod';
import { parseDuration } from '../model/duration.ts';
import { envoyPattern } from '../model/envoy-pattern.ts';
import { envoyProgramSize } from '../model/envoy-program-size.ts';
import { didYouMean } from '../model/suggest.ts';
import { looksLike } from './input-shape.ts';

/** Building blocks of every kind's grammar. Messages say what was expected; the caller adds place and path. */

/** Envoy's default limit on the size of a compiled pattern. */
const MAX_REGEX_PROGRAM = 100;

/** An object that knows its keys, and says which one was probably meant. */
export function fields<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') {
        const key = issue.keys[0] ?? '';
        return `unknown key "${key.slice(0, 80)}".${didYouMean(key, known)} Known: ${known.join(', ')}`;
      }
      return `expected a mapping with ${known.join(', ')}`;
    },
  });
}

type Optional<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];
type Defined<T> = Omit<T, Optional<T>> & { [K in Optional<T>]?: Exclude<T[K], undefined> };

/** Without the keys that were not given, the others in their order, so that what is stored says only what was said. */
export function defined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>;
}

export const documentName = z
  .string('expected a name')
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a name of lower-case letters, digits and "-", at most 63');

export const label = z
  .string('expected a name')
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,61}[A-Za-z0-9])?$/,
    'expected letters, digits, " ", ".", "_", "-", at most 63',
  );

/** What a duration looks like in a file, whatever its bounds. */
export const DURATION_SHAPE = { type: 'string', pattern: '^([0-9]{1,9}(ms|s|m|h|d))+$' } as const;

/** A duration like `90s` or `1h30m`, in ms. */
export function duration(bounds: { min?: string; max: string }): z.ZodType<number> {
  const min = parseDuration(bounds.min ?? '0s') ?? 0;
  const max = parseDuration(bounds.max) ?? 0;
  const description = `From ${bounds.min ?? '0s'} to ${bounds.max}.`;
  const grammar = z.unknown().transform((value, ctx) => {
    const ms = typeof value === 'string' ? parseDuration(value) : null;
    if (ms !== null && ms >= min && ms <= max) return ms;
    const range = `from ${bounds.min ?? '0s'} to ${bounds.max}`;
    const unit = typeof value === 'number' ? `: a number has no unit, write "${value}s" or "${value}m"` : '';
    ctx.addIssue({ code: 'custom', message: `expected a duration like 30s or 1h30m, ${range}${unit}` });
    return z.NEVER;
  });
  return looksLike(grammar, { json: { ...DURATION_SHAPE, description } });
}

export function choice<const T extends readonly [string, ...string[]]>(values: T): z.ZodType<T[number]> {
  return z.enum(values, {
    error: (issue) =>
      `expected one of ${values.join(', ')}.${typeof issue.input === 'string' ? didYouMean(issue.input, values) : ''}`,
  }) as unknown as z.ZodType<T[number]>;
}

/** Percent with at most two decimals → basis points. */
export const weight: z.ZodType<number> = looksLike(
  z.unknown().transform((value, ctx) => {
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= 100) {
      const points = Math.round(value * 100);
      if (Math.abs(points - value * 100) < 1e-6) return points;
    }
    ctx.addIssue({
      code: 'custom',
      message: 'expected a percentage from 0 to 100 with at most two decimals, as a bare number',
    });
    return z.NEVER;
  }),
  { json: { type: 'number', minimum: 0, maximum: 100 } },
);

/** A share of outcomes, 0 to 1. */
export const fraction = z
  .number('expected a fraction from 0 to 1')
  .min(0, 'expected a fraction from 0 to 1')
  .max(1, 'expected a fraction from 0 to 1 (1 % is 0.01)');

export const text = (max: number): z.ZodString =>
  z
    .string('expected text')
    .min(1, 'expected text')
    .max(max, `expected at most ${max} characters`)
    .regex(/^[^\p{Cc}\p{Bidi_Control}]*$/u, 'control and direction characters are not allowed');

/** A code point beyond a byte, behind a backslash that is not itself escaped. */
function beyondBytes(pattern: string): string | null {
  for (const [written, hex] of pattern.matchAll(/\\(?:x\{([0-9a-f]+)\}|.)/gis)) {
    if (hex !== undefined && Number.parseInt(hex, 16) > 0xff) return written;
  }
  return null;
}

/** A pattern in RE2's dialect, small enough for Envoy. */
export function regexProblem(pattern: string): string | null {
  const beyond = beyondBytes(pattern);
  if (beyond !== null) return `${beyond} is more than a byte; Envoy matches byte by byte`;
  try {
    const size = envoyProgramSize(envoyPattern(pattern));
    return size > MAX_REGEX_PROGRAM ? `the pattern is too large (${size}; Envoy takes ${MAX_REGEX_PROGRAM})` : null;
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 120) : 'cannot be compiled';
    return `expected a pattern in RE2 syntax: ${why}`;
  }
}
