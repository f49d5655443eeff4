import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { flow } from '../../src/core/manifest/effective/plan-yaml.ts';
import type { Tree } from '../../src/core/manifest/effective/tree.ts';
import { parseDocuments } from '../../src/core/manifest/parse-documents.ts';
import { StrategyGrammar } from '../../src/core/manifest/strategy-grammar.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import { code, fences, GUIDES, rows, section } from '../support/markdown.ts';

/** A release pattern without a guide, or with one that says something else than its file, is one that nobody dares to use. */

const strategies = shippedStrategies().shipped;

/** What goes with any strategy. */
const BESIDE = ['docs/guides/joint.md'];
const SAYS = ['When to take it', 'Run it', 'When the canary is bad', 'The way back', 'Traps'];

it('every shipped strategy has a guide, and every guide a strategy', () => {
  const patterns = GUIDES.filter((file) => !file.endsWith('/README.md') && !BESIDE.includes(file));
  expect(patterns.toSorted()).toEqual(strategies.map(({ name }) => `docs/guides/${name}.md`).toSorted());
});

describe.each(strategies)('the guide of $name', ({ name, spec }) => {
  const file = `docs/guides/${name}.md`;
  const { parameters = {} } = StrategyGrammar.parse(spec);

  it('is named in the file of the strategy', () => {
    expect(readFileSync(`strategies/${name}.yaml`, 'utf8')).toContain(`# Guide: ${file}\n`);
  });

  it('has every parameter with its default', () => {
    const documented = rows(section(file, 'The documents')).flatMap(([key = '', fallback = '']) =>
      code(key)
        .filter((parameter) => parameter in parameters)
        .map((parameter) => [parameter, fallback] as const),
    );
    const real = Object.entries(parameters).map(
      ([parameter, { default: value }]) => [parameter, shown(value)] as const,
    );
    expect(documented).toEqual(real);
  });

  it('begins with a Route, a Backend and a Plan that uses it', () => {
    const [first] = fences(file).filter(({ language }) => language === 'yaml');
    const parsed = parseDocuments([{ file, text: first?.text ?? '' }], shippedStrategies());
    if (parsed.kind === 'error') throw new Error(parsed.errors[0]?.message);
    const documents = parsed.value.map(({ document }) => document);
    expect(documents.map(({ kind }) => kind)).toEqual(['Route', 'Backend', 'Plan']);
    expect(documents[2]?.spec).toMatchObject({ strategy: { name } });
  });

  it.each(SAYS)('says: %s', (heading) => {
    expect(section(file, heading).trim()).not.toBe('');
  });
});

describe.each(BESIDE)('%s, which is about no strategy', (file) => {
  it.each(SAYS)('says: %s', (heading) => {
    expect(section(file, heading).trim()).not.toBe('');
  });
});

/** As the tables write it. */
function shown(value: unknown): string {
  return typeof value === 'object' ? flow(value as Tree) : String(value);
}
