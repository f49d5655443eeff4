import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderErrors } from './docs/errors-page.ts';

/** `npm run docs`: writes the pages of `docs/` that are made from the code. `test/docs` says when one is out of date. */
writeFileSync(fileURLToPath(new URL('../docs/errors.md', import.meta.url)), renderErrors());
