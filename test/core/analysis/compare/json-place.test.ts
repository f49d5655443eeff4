import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../../src/core/analysis/compare/json-place.ts';

const TEXT = `{
  "limits": { "a\\"b": [1, {"x": "]}"}, 3] },
  "last": null
}`;

describe('place of a value', () => {
  it.each([
    [[], 1, 1],
    [['limits'], 2, 13],
    [['limits', 'a"b'], 2, 23],
    [['limits', 'a"b', 1, 'x'], 2, 33],
    [['limits', 'a"b', 2], 2, 40],
    [['last'], 3, 11],
    // What is missing is shown where it should be.
    [['limits', 'none'], 2, 13],
    [['limits', 'a"b', 9], 2, 23],
    [['last', 'deep', 1], 3, 11],
  ])('%j', (path, line, column) => {
    expect(placeOf(TEXT, path)).toEqual({ line, column });
  });

  it('is that of the last of two equal keys', () => {
    expect(placeOf('{"a": 1, "a": 2}', ['a'])).toEqual({ line: 1, column: 15 });
  });

  it('is found however deep the text is', () => {
    const depth = 100_000;
    expect(placeOf(`{"a": ${'['.repeat(depth)}${']'.repeat(depth)}, "b": 1}`, ['b']).column).toBe(2 * depth + 14);
  });
});

it('leads to the value itself in any document', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), fc.nat(3), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const lines = text.split('\n');
      for (const [path, inner] of leaves(value)) {
        const { line, column } = placeOf(text, path);
        const rest = [lines[line - 1]?.slice(column - 1), ...lines.slice(line)].join('\n');
        const written = JSON.stringify(inner);
        expect(rest.startsWith(typeof inner === 'object' && inner !== null ? written.slice(0, 1) : written)).toBe(true);
      }
    }),
  );
});

function leaves(value: unknown, path: readonly (string | number)[] = []): [readonly (string | number)[], unknown][] {
  const here: [readonly (string | number)[], unknown] = [path, value];
  if (typeof value !== 'object' || value === null) return [here];
  const entries = Array.isArray(value) ? value.map((inner, i) => [i, inner] as const) : Object.entries(value);
  return [here, ...entries.flatMap(([key, inner]) => leaves(inner, [...path, key]))];
}
