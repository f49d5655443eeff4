import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FindingKind, fuzz } from '../../../tools/fuzz/fuzz.ts';

const limits = { hangMs: 4_000, blockMs: 250, rssMb: 300 };

describe('the fuzzer', () => {
  let corpus: string;
  beforeAll(() => {
    corpus = mkdtempSync(join(tmpdir(), 'serin-fuzz-'));
  });
  afterAll(() => rmSync(corpus, { recursive: true, force: true }));

  it.each<readonly [FindingKind, string]>([
    ['crash', 'CRASH'],
    ['hang', 'HANG'],
    ['broken', 'THROW'],
    ['broken', 'WRONG'],
    ['block', 'BLOCK'],
    ['memory', 'GROW'],
  ])('finds a %s, and keeps as little of the input as does it (%s)', { timeout: 60_000 }, async (kind, word) => {
    writeFileSync(join(corpus, 'only'), `a ${word}`);
    const module = resolve(import.meta.dirname, 'planted.ts');
    const { findings } = await fuzz({ module, corpus, seed: 1, inputs: 1, seconds: 60, limits });
    expect(findings.map((one) => one.kind)).toEqual([kind]);
    expect(findings[0]?.input.toString()).toBe(kind === 'memory' ? `a ${word}` : word);
  });
});

describe('every border', () => {
  it.each(['yaml', 'http', 'webhook', 'prometheus', 'xds', 'records'])(
    'keeps its promise for what was thrown at it before, and for some more: %s',
    { timeout: 60_000 },
    async (target) => {
      const [module, corpus] = [resolve(`tools/fuzz/targets/${target}.ts`), resolve(`tools/fuzz/corpus/${target}`)];
      const report = await fuzz({ module, corpus, seed: 20_261_126, inputs: 150, seconds: 50 });
      expect(report.findings).toEqual([]);
      expect(report.inputs).toBe(150);
    },
  );
});
