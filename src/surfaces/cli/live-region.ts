/** A terminal's size in cells; missing where the stream is none. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/**
 * What to write so that `lines` take the place of those drawn before. The cursor goes up by lines of the screen,
 * so no line may wrap and the region may not be higher than the screen; the last drawing stays, so it is whole.
 */
export function redraw(drawn: number, lines: readonly string[], size: Size, last: boolean): [string, number] {
  const up = drawn === 0 ? '' : `\u001b[${drawn}A\u001b[0J`;
  const shown = last ? lines : lines.slice(0, Math.max(1, size.rows - 1)).map((line) => clip(line, size.columns));
  return [`${up}${shown.join('\n')}\n`, shown.length];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room on the screen
const COLOUR = /\u001b\[\d+m/gy;

/** At most so many cells, the last one `…` when something was left out; colours are kept and closed. */
export function clip(line: string, columns: number): string {
  let out = '';
  let cells = 0;
  let cutAt = -1;
  let coloured = false;
  for (let i = 0; i < line.length; ) {
    COLOUR.lastIndex = i;
    const colour = COLOUR.exec(line)?.[0];
    if (colour !== undefined) {
      out += colour;
      coloured = true;
      i += colour.length;
      continue;
    }
    const char = String.fromCodePoint(line.codePointAt(i) ?? 0);
    cells += 1;
    if (cells === columns) cutAt = out.length;
    if (cells > columns) return `${out.slice(0, cutAt)}…${coloured ? '\u001b[0m' : ''}`;
    out += char;
    i += char.length;
  }
  return out;
}
