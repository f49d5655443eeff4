import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder that `npm test` and `npm run demo` fetch into when PATH lacks a program. */
export const FETCHED = fileURLToPath(new URL('../../.tools/bin', import.meta.url));

/** A program from PATH, else from the fetched ones. */
export function binaryPath(name: 'envoy' | 'prometheus' | 'promtool' | 'valkey-server'): string {
  const names = name === 'valkey-server' ? [name, 'redis-server'] : [name];
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), FETCHED];
  for (const candidate of names) {
    const found = folders.map((folder) => join(folder, candidate)).find((file) => existsSync(file));
    if (found !== undefined) return found;
  }
  throw new Error(`${name} is neither on PATH nor fetched; run npm test once, which fetches it`);
}
