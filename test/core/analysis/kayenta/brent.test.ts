import fc from 'fast-check';
import { expect, it } from 'vitest';
import { brentRoot } from '../../../../src/core/analysis/kayenta/brent.ts';

it('finds the root of a smooth function', () => {
  fc.assert(
    fc.property(fc.double({ min: -9, max: 9, noNaN: true }), fc.constantFrom(1, -1), (root, sign) => {
      const f = (x: number) => sign * ((x - root) ** 3 + (x - root));
      expect(Math.abs(brentRoot(f, -10, 10, 1e-4) - root)).toBeLessThan(1e-3);
    }),
  );
});

it('brackets a jump within its tolerance', () => {
  fc.assert(
    fc.property(fc.double({ min: -9, max: 9, noNaN: true }), (jump) => {
      const found = brentRoot((x) => (x < jump ? 2 : -1), -10, 10, 1e-4);
      expect(Math.abs(found - jump)).toBeLessThanOrEqual(1e-4);
    }),
  );
});

it('returns an end that is a root', () => {
  expect(brentRoot((x) => x, 0, 5, 1e-4)).toBe(0);
  expect(brentRoot((x) => x - 5, 0, 5, 1e-4)).toBe(5);
});

it('asks for no more values than it needs', () => {
  let asked = 0;
  brentRoot(
    (x) => {
      asked += 1;
      return x - 3;
    },
    0,
    10,
    1e-4,
  );
  expect(asked).toBeLessThan(8);
});
