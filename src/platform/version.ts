import { readFileSync } from 'node:fs';
import { packageFile } from './package-file.ts';

/** Version of the package that this file belongs to. */
export function packageVersion(): string {
  const text = readFileSync(packageFile('package.json'), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
