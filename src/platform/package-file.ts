import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of this package by its path from the package's root: from the sources, and from what is built of them. */
export function packageFile(path: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  // The sources and the build have different depths; what both have above them is the package's own description.
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, path);
}
