import { expect, it } from 'vitest';
import { current } from '../../../src/core/simulation/world.ts';

const entries = [
  { atMs: 0, weight: 0, ratio: 1 },
  { atMs: 60_000, weight: 0, ratio: 2 },
  { atMs: 0, weight: 2_500, ratio: 3 },
  { atMs: 90_000, weight: 5_000, ratio: 4 },
];

it.each([
  ['at the beginning', 0, 0, 1],
  ['before the beginning, for what is looked back at', -900_000, 0, 1],
  ['from a time on', 60_000, 0, 2],
  ['from a share on, whatever the time', 10_000, 2_500, 3],
  ['below the share, the time counts', 70_000, 2_499, 2],
  ['where an entry asks for both, not with one of them', 80_000, 5_000, 3],
  ['with both', 90_000, 5_000, 4],
])('what is so %s', (_, atMs, weight, ratio) => {
  expect(current(entries, atMs, weight).ratio).toBe(ratio);
});
