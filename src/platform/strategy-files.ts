import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocuments } from '../core/manifest/parse-documents.ts';
import { NO_STRATEGIES, type StrategyLibrary } from '../core/manifest/strategy-library.ts';
import { packageFile } from './package-file.ts';

/** The strategies that come with Serin. They are part of the build, so a bad one is a bug. */
export function shippedStrategies(): StrategyLibrary {
  const folder = packageFile('strategies');
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => ({ file: `strategies/${file}`, text: readFileSync(join(folder, file), 'utf8') }));
  const parsed = parseDocuments(files, NO_STRATEGIES);
  if (parsed.kind === 'error') throw new Error(`a shipped strategy is broken: ${parsed.errors[0]?.message}`);
  return {
    shipped: parsed.value.flatMap(({ document }) => (document.kind === 'Strategy' ? [document] : [])),
    stored: [],
  };
}
