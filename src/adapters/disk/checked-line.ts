import { createHash } from 'node:crypto';

/** A line that says whether it is whole: part of a hash, a space, JSON. */
export function checkedLine(value: unknown): string {
  const json = JSON.stringify(value);
  return `${digest(json)} ${json}\n`;
}

/** `null`: not a whole line. */
export function readCheckedLine(line: string): { readonly value: unknown } | null {
  const json = line.slice(17);
  if (line[16] !== ' ' || digest(json) !== line.slice(0, 16)) return null;
  try {
    return { value: JSON.parse(json) as unknown };
  } catch {
    return null;
  }
}

function digest(json: string): string {
  return createHash('sha256').update(json).digest('hex').slice(0, 16);
}
