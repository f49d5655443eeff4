import pc from 'picocolors';
import type { SerinError } from '../../core/model/errors.ts';
import { formatError } from '../../core/model/format-error.ts';
import type { Paint } from './render.ts';

/** A stream the CLI writes to; `isTTY` decides between a live region and plain lines. */
export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface Terminal {
  readonly paint: Paint;
  /** Data, and only data. */
  out(line: string): void;
  json(value: unknown): void;
  /** Everything that is not data. */
  err(line: string): void;
  errors(errors: readonly SerinError[]): void;
  /** Replaces the lines drawn before on a terminal; elsewhere prints what is new since. */
  live(lines: readonly string[]): void;
}

export function createTerminal(streams: { readonly out: Stream; readonly err: Stream }, colour: boolean): Terminal {
  const paints = pc.createColors(colour);
  let drawn: readonly string[] = [];
  return {
    paint: { good: paints.green, bad: paints.red, warn: paints.yellow, dim: paints.dim },
    out: (line) => void streams.out.write(`${line}\n`),
    json: (value) => void streams.out.write(`${JSON.stringify(value)}\n`),
    err: (line) => void streams.err.write(`${line}\n`),
    errors: (errors) => {
      for (const error of errors) streams.err.write(`${formatError(error)}\n`);
    },
    live: (lines) => {
      if (streams.err.isTTY) {
        const up = drawn.length === 0 ? '' : `\u001b[${drawn.length}A\u001b[0J`;
        streams.err.write(`${up}${lines.join('\n')}\n`);
      } else {
        // Without a terminal a line comes again only when more than its numbers has changed.
        const before = new Set(drawn.map(withoutNumbers));
        for (const line of lines) if (!before.has(withoutNumbers(line))) streams.err.write(`${line}\n`);
      }
      drawn = lines;
    },
  };
}

function withoutNumbers(line: string): string {
  return line.replaceAll(/\d+(\.\d+)?/g, '#');
}
