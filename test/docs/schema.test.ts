import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import {
  documentSchema,
  SCHEMAS,
  type SchemaName,
  undescribedFields,
} from '../../src/core/manifest/schema/document-schema.ts';
import { readYaml } from '../../src/core/manifest/yaml-source.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import { fences, PAGES } from '../support/markdown.ts';

const { shipped } = shippedStrategies();
const ajv = new Ajv({ strict: false, allErrors: true });
const validators = new Map(SCHEMAS.map((name) => [name, ajv.compile(documentSchema(name, shipped))]));

function complaints(name: SchemaName, value: unknown): readonly string[] {
  const validate = validators.get(name);
  return validate?.(value) === true
    ? []
    : (validate?.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Documents that are known to be right, each with where it stands. */
const examples = PAGES.flatMap(fences)
  .filter(({ language, text }) => language === 'yaml' && text.includes('apiVersion: serin.dev/v1'))
  .flatMap(({ at, text }) => readYaml({ file: at, text }).documents.map(({ value }) => ({ at, value })));
const strategies = readdirSync('strategies').map((file) => `strategies/${file}`);
const files = [...strategies, 'deploy/examples/shop.yaml'];
const shippedDocuments = files.flatMap((file) =>
  readYaml({ file, text: readFileSync(file, 'utf8') }).documents.map(({ value }) => ({ at: file, value })),
);

describe('the schemas for editors', () => {
  it.each(SCHEMAS)('deploy/schema/%s.json is what `npm run docs` writes', (name) => {
    const text = `${JSON.stringify(documentSchema(name, shipped), null, 2)}\n`;
    expect(readFileSync(`deploy/schema/${name}.json`, 'utf8')).toBe(text);
  });

  it('say what every field means (src/core/manifest/schema/*-fields.ts)', () => {
    expect(undescribedFields()).toEqual([]);
  });

  it.each(['Route', 'Backend', 'Plan', 'Strategy'])('have examples of %s to be held against', (kind) => {
    const kinds = [...examples, ...shippedDocuments].map(({ value }) => (value as { kind: string }).kind);
    expect(kinds).toContain(kind);
  });

  it.each([...examples, ...shippedDocuments])('take $at', ({ value }) => {
    const { kind } = value as { kind: string };
    expect(complaints('documents', value)).toEqual([]);
    expect(complaints(kind.toLowerCase() as SchemaName, value)).toEqual([]);
  });

  it.each(files)('are named by the first line of %s', (file) => {
    const [first = ''] = readFileSync(file, 'utf8').split('\n');
    const schema = /^# yaml-language-server: \$schema=(.+)$/.exec(first)?.[1] ?? '';
    expect(readFileSync(new URL(schema, new URL(`../../${file}`, import.meta.url)), 'utf8')).toContain('draft-07');
  });

  const plan = (spec: object) => ({
    ...{ apiVersion: 'serin.dev/v1', kind: 'Plan', metadata: { name: 'shop' } },
    spec: { backend: 'shop', strategy: { use: 'canary' }, ...spec },
  });
  it.each([
    ['an unknown key', { deadlin: '1h' }, '/spec must NOT have additional properties'],
    ['a number for a duration', { deadline: 60 }, '/spec/deadline must be string'],
    ['a weight above 100', { strategy: { steps: [{ weight: 101 }] } }, '/spec/strategy/steps/0/weight must be <= 100'],
    ['a choice that is none', { onLaggard: 'wait' }, '/spec/onLaggard must be equal to one of the allowed values'],
    [
      'a parameter that the shipped strategy lacks',
      { strategy: { use: 'canary', with: { weight: [1] } } },
      '/spec/strategy/with must NOT have additional properties',
    ],
  ])('refuse %s', (_, spec, complaint) => {
    expect(complaints('plan', plan(spec))).toContain(complaint);
    expect(complaints('documents', plan(spec))).toContain(complaint);
  });
});
