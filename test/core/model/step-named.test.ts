import { expect, it } from 'vitest';
import { stepList, stepNamed } from '../../../src/core/model/step-named.ts';

const steps = ['first', '3', 'half', 'half'].map((name) => ({ name }));

it.each([
  ['first', 0],
  ['2', 1],
  // A name comes first.
  ['3', 1],
  ['4', 3],
  ['half', null],
  ['0', null],
  ['5', null],
  ['-1', null],
  ['1e0', null],
  ['First', null],
  ['', null],
] as const)('%j is step %j', (text, index) => {
  expect(stepNamed(steps, text)).toBe(index);
});

it('lists steps by number and name', () => {
  expect(stepList(steps.slice(0, 2))).toBe('1 (first), 2 (3)');
  expect(stepList([])).toBe('none');
});
