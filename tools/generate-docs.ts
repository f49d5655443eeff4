import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderErrors } from './docs/errors-page.ts';
import { renderReliability } from './docs/reliability-page.ts';

/** `npm run docs`: writes the pages of `docs/` that are made from the code. `test/docs` says when one is out of date. */
const PAGES = { 'errors.md': renderErrors(), 'reliability.md': renderReliability() };
for (const [page, text] of Object.entries(PAGES)) {
  writeFileSync(fileURLToPath(new URL(`../docs/${page}`, import.meta.url)), text);
}
