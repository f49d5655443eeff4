import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sameJson } from '../../../src/core/model/same-json.ts';

it.each<[string, unknown, unknown, boolean]>([
  ['the same keys in another order', { a: 1, b: { c: 2, d: [3] } }, { b: { d: [3], c: 2 }, a: 1 }, true],
  ['a key that is not there and one without a value', { a: 1, b: undefined }, { a: 1 }, true],
  ['another value inside', { a: { b: 1 } }, { a: { b: 2 } }, false],
  ['a list in another order', { a: [1, 2] }, { a: [2, 1] }, false],
  ['a key more', { a: 1 }, { a: 1, b: null }, false],
  ['nothing and a mapping', null, {}, false],
])('%s', (_, a, b, same) => expect(sameJson(a, b)).toBe(same));

it('finds whatever JSON can say the same as itself, with its keys the other way round', () => {
  const turned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(turned);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, turned(inner)]),
    );
  };
  fc.assert(fc.property(fc.jsonValue(), (value) => sameJson(value, turned(value))));
});
