import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseDocuments } from '../core/manifest/parse-documents.ts';
import { NO_STRATEGIES, type StrategyLibrary } from '../core/manifest/strategy-library.ts';

/** `strategies/` of the package; the same distance from `src/platform` and `dist/platform`. */
const FOLDER = fileURLToPath(new URL('../../strategies/', import.meta.url));

/** The strategies that come with Serin. They are part of the build, so a bad one is a bug. */
export function shippedStrategies(): StrategyLibrary {
  const files = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => ({ file: `strategies/${file}`, text: readFileSync(`${FOLDER}${file}`, 'utf8') }));
  const parsed = parseDocuments(files, NO_STRATEGIES);
  if (parsed.kind === 'error') throw new Error(`a shipped strategy is broken: ${parsed.errors[0]?.message}`);
  return {
    shipped: parsed.value.flatMap(({ document }) => (document.kind === 'Strategy' ? [document] : [])),
    stored: [],
  };
}
