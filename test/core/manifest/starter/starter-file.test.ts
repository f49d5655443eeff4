import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { flow } from '../../../../src/core/manifest/effective/plan-yaml.ts';
import type { Tree } from '../../../../src/core/manifest/effective/tree.ts';
import { lintDocuments } from '../../../../src/core/manifest/lint/lint-documents.ts';
import { parseDocuments } from '../../../../src/core/manifest/parse-documents.ts';
import { documentSchema } from '../../../../src/core/manifest/schema/document-schema.ts';
import { starterFile } from '../../../../src/core/manifest/starter/starter-file.ts';
import { StrategyGrammar, type StrategySpec } from '../../../../src/core/manifest/strategy-grammar.ts';
import { readYaml } from '../../../../src/core/manifest/yaml-source.ts';
import { formatError } from '../../../../src/core/model/format-error.ts';
import { shippedStrategies } from '../../../../src/platform/strategy-files.ts';

const library = shippedStrategies();
const strategies = library.shipped.map(({ name, spec }) => ({ name, spec: StrategyGrammar.parse(spec) }));

const validate = new Ajv({ strict: false }).compile(documentSchema('documents', library.shipped));

const file = (strategy: { name: string; spec: StrategySpec }) =>
  starterFile({ backend: 'shop', fleet: 'edge', hostname: '*.example.com', strategy });

const parsed = (text: string) => {
  const read = parseDocuments([{ file: 'shop.yaml', text }], library);
  if (read.kind === 'error') throw new Error(read.errors.map(formatError).join('\n'));
  return read.value;
};

describe.each(strategies)('a first file with $name', (strategy) => {
  const text = file(strategy);

  it('is valid, and there is nothing to find in it', () => {
    const documents = parsed(text);
    expect(documents.map(({ document }) => `${document.kind} ${document.name}`)).toEqual([
      'Route shop',
      'Backend shop',
      'Plan shop',
    ]);
    expect(lintDocuments(documents, { requestsPerSecond: null, errorRate: null, config: null })).toEqual([]);
  });

  it('is valid as well with every parameter taken out of its comment, and means the same', () => {
    const open = text.replaceAll(/^( {4})# (with:| {2}\w+: .*)$/gm, '$1$2');
    expect(open).not.toBe(text);
    const plan = (from: string) => parsed(from).map(({ document }) => document);
    expect(plan(open)).toEqual(plan(text));
  });

  it('says of every parameter what it is, what fits and its default', () => {
    for (const [name, { type, default: usual, description = '' }] of Object.entries(strategy.spec.parameters ?? {})) {
      const [comment] = text.split(`#   ${name}: `);
      const value = text.split(`#   ${name}: `)[1]?.split('\n')[0] ?? '';
      const words = comment?.replaceAll(/\n *# +# /g, ' ') ?? '';
      expect(words).toContain(`${description.replaceAll(/\s+/g, ' ')} (${type}`);
      expect(value).toBe(usual === undefined ? '(required)' : flow(usual as Tree));
    }
  });

  it('has nothing that an editor would underline', () => {
    const values = readYaml({ file: '', text }).documents.map(({ value }) => value);
    expect(values.map((value) => validate(value) || validate.errors)).toEqual([true, true, true]);
  });

  it('names the schema in its first line, and has no line that is cut off', () => {
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=serin.schema.json');
    expect(text.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });
});

it('gives a rollout twice the time of its holds, and people a day', () => {
  const deadline = (name: string) => {
    const strategy = strategies.find((one) => one.name === name);
    return /^ {2}deadline: (\w+)$/m.exec(strategy === undefined ? '' : file(strategy))?.[1];
  };
  expect(['canary', 'ab-test', 'manual'].map(deadline)).toEqual(['2h', '4h', '1d']);
});
