import { expect, it } from 'vitest';
import { retryAfterMs } from '../../../src/core/model/retry-after.ts';

const NOW = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');

it.each([
  ['7', 7_000],
  ['0', 1_000],
  ['999999', 60_000],
  ['Wed, 21 Oct 2026 07:28:09 GMT', 9_000],
  ['Wed, 21 Oct 2020 07:28:00 GMT', 1_000],
  ['-5', null],
  ['soon', null],
  [undefined, null],
])('%s', (header, expected) => {
  expect(retryAfterMs(header, NOW, 60_000)).toBe(expected);
});
