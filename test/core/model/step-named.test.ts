import { expect, it } from 'vitest';
import { stepList, stepNamed, unnamedStep } from '../../../src/core/model/step-named.ts';

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

it('says why it is none: nobody has the name, or several have', () => {
  expect(unnamedStep(steps, '9')).toBe('the plan has no step "9"');
  expect(unnamedStep(steps, 'half')).toBe('steps 3, 4 of the plan are called "half": name one by its number');
});

it('lists steps by number and name', () => {
  expect(stepList(steps.slice(0, 2))).toBe('1 (first), 2 (3)');
  expect(stepList([])).toBe('none');
});
