import type { z } from 'zod';
import { NO_STRATEGIES, type StrategyLibrary } from '../../manifest/strategy-library.ts';
import { fail, ok, type Result, type SerinError } from '../../model/errors.ts';
import type { Scrape } from '../sequential/scrape.ts';
import { withStrategySteps } from './recorded-strategy.ts';
import { RecordedLine, RecordingHeader } from './recording-grammar.ts';

export interface Recording {
  readonly header: RecordingHeader;
  readonly lines: readonly Scrape[];
}

const MAX_LINES = 1_000_000;
/** Of JSON: deep enough for any arm, shallow enough for the parser. */
const MAX_LINE_CHARACTERS = 32 * 1024 * 1024;

/** Every line is checked before anything is judged: a bad one gives no verdict at all. */
export function parseRecording(
  file: string,
  text: string,
  strategies: StrategyLibrary = NO_STRATEGIES,
): Result<Recording> {
  return checkRecording(file, linesOf(text), strategies);
}

/** A recording that was made here and never was a file. */
export function recordingOf(name: string, lines: readonly object[]): Result<Recording> {
  return checkRecording(
    name,
    lines.map((json, i) => ({ number: i + 1, json })),
    NO_STRATEGIES,
  );
}

interface JsonLine {
  readonly number: number;
  readonly json?: unknown;
  /** What is wrong with it, before one looks at its content. */
  readonly wrong?: string;
}

function* linesOf(text: string): Generator<JsonLine> {
  let from = 0;
  for (let number = 1; from < text.length; number += 1) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end === -1 ? text.length : end);
    from = end === -1 ? text.length : end + 1;
    if (line.trim() === '') continue;
    if (line.length > MAX_LINE_CHARACTERS) yield { number, wrong: 'the line is too long' };
    const json = parseJson(line);
    yield json === undefined ? { number, wrong: 'this is no JSON' } : { number, json };
  }
}

function checkRecording(file: string, given: Iterable<JsonLine>, strategies: StrategyLibrary): Result<Recording> {
  let header: RecordingHeader | null = null;
  const lines: Scrape[] = [];
  for (const { number, json, wrong: why } of given) {
    if (number > MAX_LINES) return wrong(file, number, `more than ${MAX_LINES} lines`);
    if (why !== undefined) return wrong(file, number, why);
    if (header === null) {
      const written = withStrategySteps(json, strategies);
      if (written.kind === 'wrong') return wrong(file, number, written.message, written.path);
      const parsed = checked(file, number, written.header, RecordingHeader);
      if (parsed.kind === 'error') return parsed;
      header = parsed.value;
      const { plan } = header;
      if ((plan.steps ?? plan.strategy?.steps) === undefined)
        return wrong(file, number, 'expected steps', 'plan.steps');
      continue;
    }
    const parsed = checked(file, number, json, RecordedLine);
    if (parsed.kind === 'error') return parsed;
    const before = lines.at(-1);
    if (before !== undefined && parsed.value.t <= before.t) {
      return wrong(file, number, `the time ${parsed.value.t} is not after that of the line before`, 't');
    }
    lines.push(parsed.value);
  }
  return header === null ? wrong(file, 1, 'there is no header') : ok({ header, lines });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

function checked<T>(file: string, line: number, json: unknown, schema: z.ZodType<T>): Result<T> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  return wrong(file, line, issue?.message ?? 'does not fit', issue?.path.map(String).join('.'));
}

function wrong(
  file: string,
  line: number,
  message: string,
  path?: string,
): { readonly kind: 'error'; readonly errors: readonly SerinError[] } {
  const more = path === undefined || path === '' ? {} : { path };
  return fail('SERIN_ANALYSIS_FILE_INVALID', message, { ...more, place: { file, line, column: 1 } });
}
