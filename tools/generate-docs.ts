import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { documentSchema, SCHEMAS } from '../src/core/manifest/schema/document-schema.ts';
import { shippedStrategies } from '../src/platform/strategy-files.ts';
import { renderErrors } from './docs/errors-page.ts';
import { renderReliability } from './docs/reliability-page.ts';

/**
 * `npm run docs`: writes what is made from the code: pages of `docs/`, and `deploy/schema/` for editors. `test/docs` says
 * when one is out of date.
 */
const PAGES = { 'errors.md': renderErrors(), 'reliability.md': renderReliability() };
for (const [page, text] of Object.entries(PAGES)) {
  writeFileSync(fileURLToPath(new URL(`../docs/${page}`, import.meta.url)), text);
}
for (const name of SCHEMAS) {
  const schema = documentSchema(name, shippedStrategies().shipped);
  const file = new URL(`../deploy/schema/${name}.json`, import.meta.url);
  writeFileSync(fileURLToPath(file), `${JSON.stringify(schema, null, 2)}\n`);
}
