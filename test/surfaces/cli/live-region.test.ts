import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clip, redraw } from '../../../src/surfaces/cli/live-region.ts';

const RED = '\u001b[31m';
const END = '\u001b[39m';

describe('clip', () => {
  it('leaves a line that fits as it is', () => {
    expect(clip('12345', 5)).toBe('12345');
    expect(clip(`${RED}12345${END}`, 5)).toBe(`${RED}12345${END}`);
  });

  it('ends a longer one with an ellipsis and closes its colours', () => {
    expect(clip('123456', 5)).toBe('1234…');
    expect(clip(`1${RED}23456${END}`, 5)).toBe(`1${RED}234…\u001b[0m`);
  });

  it('never takes more cells than there are, and never changes what fits', () => {
    const piece = fc.constantFrom('a', '→', '≤', RED, END, ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (pieces, columns) => {
        const line = pieces.join('');
        const visible = stripVTControlCharacters(line);
        const clipped = stripVTControlCharacters(clip(line, columns));
        expect(clipped.length).toBe(Math.min(visible.length, columns));
        if (visible.length <= columns) expect(clip(line, columns)).toBe(line);
      }),
    );
  });
});

describe('redraw', () => {
  const size = { columns: 10, rows: 4 };

  it('goes up by as many lines as it drew, however long they were', () => {
    const [, height] = redraw(0, ['a'.repeat(35), 'b'], size, false);
    expect(height).toBe(2);
    expect(redraw(height, ['c'], size, false)[0]).toBe('\u001b[2A\u001b[0Jc\n');
  });

  it('is never higher than the screen', () => {
    expect(redraw(0, ['1', '2', '3', '4', '5', '6'], size, false)).toEqual(['1\n2\n3\n', 3]);
  });

  it('shows everything in the last drawing', () => {
    const lines = ['a'.repeat(35), '2', '3', '4', '5', '6'];
    expect(redraw(3, lines, size, true)[0]).toBe(`\u001b[3A\u001b[0J${lines.join('\n')}\n`);
  });
});
