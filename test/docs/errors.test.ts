import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderErrors } from '../../tools/docs/errors-page.ts';

it('docs/errors.md is what `npm run docs` writes', () => {
  expect(readFileSync('docs/errors.md', 'utf8')).toBe(renderErrors());
});
