import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const RULES = [
  ...Array.from({ length: 18 }, (_, i) => `C${i + 1}`),
  ...Array.from({ length: 6 }, (_, i) => `S${i + 1}`),
  ...Array.from({ length: 12 }, (_, i) => `D${i + 1}`),
];

/** Rules stand before the colon of a test's name: `C3/S1: …`. */
function rulesOf(source: string): string[] {
  return [...source.matchAll(/\bit(?:\.each\([^)]*\))?\(\s*'((?:[CSD]\d+\/?)+):/g)].flatMap(
    ([, ids]) => ids?.split('/') ?? [],
  );
}

it('every rule of the protocol has a test over the wire that is named after it', () => {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.test.ts'));
  const tested = new Set(files.flatMap((file) => rulesOf(readFileSync(join(import.meta.dirname, file), 'utf8'))));
  expect(RULES.filter((rule) => !tested.has(rule))).toEqual([]);
});
