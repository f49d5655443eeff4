import { createHash } from 'node:crypto';

const SAFE = /^[A-Za-z0-9_-]+$/;

/** Envoy builds statistics names from resource names; a dot or colon in one splits or renames its series. */
export function isSafeName(name: string): boolean {
  return SAFE.test(name);
}

/** The name itself where it is safe, otherwise a slug with a hash, so that two names never become one. */
export function safeName(name: string): string {
  if (isSafeName(name)) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.replace(/[^A-Za-z0-9_-]+/g, '-')}-${hash}`;
}
