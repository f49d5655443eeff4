import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FAULTS } from '../../tools/docs/faults.ts';
import { faultTests, renderReliability } from '../../tools/docs/reliability-page.ts';

it('docs/reliability.md is what `npm run docs` writes', () => {
  expect(readFileSync('docs/reliability.md', 'utf8')).toBe(renderReliability());
});

it('every fault that Serin answers to has a test named after it, and none that it does not', () => {
  const tested = faultTests();
  const answered = Object.entries(FAULTS).filter(([, { untested }]) => untested !== true);
  expect(answered.filter(([id]) => !tested.has(id)).map(([id]) => id)).toEqual([]);
  expect([...tested.keys()].filter((id) => FAULTS[id] === undefined || FAULTS[id].untested === true)).toEqual([]);
});

it('what has no test says what is missing', () => {
  expect(Object.values(FAULTS).filter(({ untested, gap }) => untested === true && gap === null)).toEqual([]);
});
