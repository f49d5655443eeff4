import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';

export function revealSecret(value: string, env: Readonly<Record<string, string | undefined>>): string | null {
  const variable = /^\$\{env:(\w+)\}$/.exec(value)?.[1];
  // An empty secret would be no secret.
  if (variable !== undefined) return env[variable] || null;
  if (!value.startsWith('file:')) return value;
  try {
    const path = value.slice('file:'.length);
    return readFileSync(isAbsolute(path) ? path : resolve(path), 'utf8').trim() || null;
  } catch {
    return null;
  }
}
