import pc from 'picocolors';
import type { SerinError } from '../../core/model/errors.ts';
import { formatError } from '../../core/model/format-error.ts';
import { redraw } from './live-region.ts';
import type { Paint } from './render.ts';

/** A stream the CLI writes to; `isTTY` decides between a live region and plain lines. */
export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface Terminal {
  readonly paint: Paint;
  /** Data, and only data. */
  out(line: string): void;
  json(value: unknown): void;
  /** Everything that is not data. */
  err(line: string): void;
  errors(errors: readonly SerinError[]): void;
  /** Replaces the lines drawn before on a terminal; elsewhere prints what is new since. `last`: these stay. */
  live(lines: readonly string[], last: boolean): void;
}

export function createTerminal(streams: { readonly out: Stream; readonly err: Stream }, colour: boolean): Terminal {
  const paints = pc.createColors(colour);
  let shown: readonly string[] = [];
  let drawn = 0;
  return {
    paint: { good: paints.green, bad: paints.red, warn: paints.yellow, dim: paints.dim },
    out: (line) => void streams.out.write(`${visible(line)}\n`),
    // The same document, without the control characters that JSON leaves as they are.
    json: (value) => void streams.out.write(`${JSON.stringify(value).replace(CONTROL, escaped)}\n`),
    err: (line) => void streams.err.write(`${visible(line)}\n`),
    errors: (errors) => {
      for (const error of errors) streams.err.write(`${visible(formatError(error))}\n`);
    },
    live: (given, last) => {
      const lines = given.map((line) => visible(line.replaceAll('\t', ' ')));
      const { columns = 80, rows = 24 } = streams.err;
      if (streams.err.isTTY) {
        const [text, height] = redraw(drawn, lines, { columns, rows }, last);
        streams.err.write(text);
        drawn = last ? 0 : height;
      } else {
        // Without a terminal a line comes again only when more than its numbers has changed.
        const before = new Set(shown.map(withoutNumbers));
        for (const line of lines) if (!before.has(withoutNumbers(line))) streams.err.write(`${line}\n`);
      }
      shown = lines;
    },
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
/** What `paint` writes, and nothing else. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with ESC
const COLOUR = /(\u001b\[(?:2|22|31|32|33|39)m)/;

/** A line with its colours; names and words of others cannot move the cursor, set the title or break the line. */
function visible(line: string): string {
  return line
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(CONTROL, escaped)))
    .join('');
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function withoutNumbers(line: string): string {
  return line.replaceAll(/\d+(\.\d+)?/g, '#');
}
