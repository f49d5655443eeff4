import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AnalysisGrammar } from '../../src/core/manifest/analysis-grammar.ts';
import { BackendGrammar } from '../../src/core/manifest/backend-grammar.ts';
import { parseDocuments } from '../../src/core/manifest/parse-documents.ts';
import { PlanGrammar } from '../../src/core/manifest/plan-grammar.ts';
import { RouteGrammar } from '../../src/core/manifest/route-grammar.ts';
import { StepsGrammar } from '../../src/core/manifest/steps-grammar.ts';
import { StrategyGrammar } from '../../src/core/manifest/strategy-grammar.ts';
import { readYaml } from '../../src/core/manifest/yaml-source.ts';
import { formatDuration, parseDuration } from '../../src/core/model/duration.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import { code, fences, rows, section } from '../support/markdown.ts';

/** The tables of fields: every field is there, its default is the default, its bounds are the bounds. */

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly bounds: string;
}

function table(file: string, heading: string): readonly Row[] {
  return rows(section(file, heading)).flatMap(([key = '', type = '', fallback = '', bounds = '']) =>
    code(key).map((name) => ({ key: name, type, fallback, bounds })),
  );
}

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
}

function keysOf(grammar: z.ZodType): readonly string[] {
  const walk = ({ properties = {}, items }: Shape, path: string): string[] =>
    items === undefined
      ? Object.entries(properties).flatMap(([key, inner]) => {
          const here = path === '' ? key : `${path}.${key}`;
          return [here, ...walk(inner, here)];
        })
      : walk(items, `${path}[]`);
  return walk(z.toJSONSchema(grammar, { io: 'input', unrepresentable: 'any' }) as Shape, '');
}

const strategies = shippedStrategies().shipped;

describe('docs/documents.md has the fields of', () => {
  // The fields of value matches have a table of their own.
  const inner = /(headers|queryParams|cookies)\[\]\./;
  /** So have the parts of what a rule does. */
  const actions =
    /^rules\[\]\.(?:(?:backends|hash)\[\]|cors|fault|headers|mirror|rateLimit|redirect|respond|retry|rewrite)\./;

  /** A plan's stand with the steps. */
  const ofSteps = /^sticky\./;
  const hidden = (heading: string, key: string) =>
    inner.test(key) || actions.test(key) || (heading === 'Plan' && ofSteps.test(key));

  it.each([
    ['Route', RouteGrammar, []],
    ['Backend', BackendGrammar, []],
    ['Plan', PlanGrammar, []],
    ['Steps', StepsGrammar, []],
    // Mappings of free keys, which a schema of the input does not show.
    [
      'Strategy',
      StrategyGrammar,
      [
        ...['type', 'default', 'description', 'options'].map((key) => `parameters.*.${key}`),
        ...['forEach', 'repeat', 'when'].map((key) => `steps[].${key}`),
      ],
    ],
  ] as const)('%s', (heading, grammar, more) => {
    const real = keysOf(grammar).map((key) => key.replace(/^\[\]\./, ''));
    const documented = table('docs/documents.md', heading).map(({ key }) => key);
    // The shipped strategies stand in a table of the same section.
    const shipped = strategies.map(({ name }) => name);
    expect(documented.filter((key) => !shipped.includes(key)).toSorted()).toEqual(
      [...real.filter((key) => !hidden(heading, key)), ...more].toSorted(),
    );
  });

  it('what a rule does', () => {
    const real = keysOf(RouteGrammar).filter((key) => actions.test(key) && !key.startsWith('rules[].matches'));
    const documented = table('docs/documents.md', 'What a rule does').map(({ key }) => `rules[].${key}`);
    expect(documented.toSorted()).toEqual(real.toSorted());
  });

  it('value matches', () => {
    const real = keysOf(RouteGrammar).filter((key) => key.includes('matches[].headers[].'));
    const documented = table('docs/documents.md', 'Value matches').map(({ key }) => key);
    expect(documented.map((key) => `rules[].matches[].headers[].${key}`).toSorted()).toEqual(real.toSorted());
  });
});

/** An example of a page as plain values, to be changed and parsed again. */
function example(file: string, wanted: string): Record<string, unknown> {
  const found = fences(file)
    .filter(({ language }) => language === 'yaml')
    .flatMap(({ at, text }) => readYaml({ file: at, text }).documents)
    .findLast(({ source }) => source.includes(wanted));
  if (found === undefined) throw new Error(`${file} has no example with ${wanted}`);
  return found.value as Record<string, unknown>;
}

/** A copy with the value at every place that a path like `rules[].timeout` names; `undefined` takes it out. */
function withValue(from: unknown, path: readonly string[], value: unknown): unknown {
  const [key = '', ...rest] = path;
  if (Array.isArray(from)) return from.map((item) => withValue(item, path, value));
  if (typeof from !== 'object' || from === null) return from;
  if (rest.length === 0) return { ...from, [key]: value };
  const next = (from as Record<string, unknown>)[key];
  return next === undefined ? from : { ...from, [key]: withValue(next, rest, value) };
}

type Parsed = { readonly kind: 'ok'; readonly value: unknown } | { readonly kind: 'error' };

function parsedDocument(document: unknown): Parsed {
  const parsed = parseDocuments([{ file: '', text: JSON.stringify(document) }], shippedStrategies());
  return parsed.kind === 'error' ? parsed : { kind: 'ok', value: parsed.value.map((one) => one.document) };
}

function parsedConfig(file: unknown): Parsed {
  const text = JSON.stringify(file).replaceAll(/\$\{env:\w+\}|(file:)?\/(run|etc)\/[\w./-]+/g, (secret) =>
    secret.startsWith('/') ? 'package.json' : '${env:SECRET}',
  );
  return parseConfig({ file: '', text, env: { SECRET: 'https://example.com' }, needRedis: false });
}

const TABLES = [
  ['documents.md', 'Route', example('docs/documents.md', 'everything-else'), 'spec.', parsedDocument],
  [
    'documents.md',
    'Value matches',
    example('docs/documents.md', 'everything-else'),
    'spec.rules[].matches[].headers[].',
    parsedDocument,
  ],
  ['documents.md', 'Backend', example('docs/documents.md', 'protocol: http2'), 'spec.', parsedDocument],
  ['documents.md', 'Plan', example('docs/documents.md', 'name: testers'), 'spec.', parsedDocument],
  ['documents.md', 'Steps', example('docs/documents.md', 'name: testers'), 'spec.strategy.steps[].', parsedDocument],
  ['configuration.md', 'Keys', example('docs/configuration.md', 'nodeFrom: metadata'), '', parsedConfig],
] as const;

describe.each(TABLES)('docs/%s, table of %s', (file, heading, sample, prefix, parse) => {
  const known = table(`docs/${file}`, heading);
  const set = (key: string, value: unknown) =>
    parse(withValue(sample, `${prefix}${key}`.replaceAll('[]', '').split('.'), value));

  const literal = known.filter(({ fallback }) => /^`[^<`]+`$/.test(fallback));
  it.each(literal)('$key is $fallback where it is left out', ({ key, fallback }) => {
    const [value = ''] = code(fallback);
    const written = /^(\d+|true|false)$/.test(value) ? (JSON.parse(value) as unknown) : value;
    const without = set(key, undefined);
    expect(without.kind).toBe('ok');
    expect(set(key, written)).toEqual(without);
  });

  const bounded = known.filter(({ type, bounds }) => /^(duration|whole number)/.test(type) && RANGE.test(bounds));
  it.each(bounded)('$key goes $bounds', ({ key, bounds }) => {
    const [, least = '', most = ''] = RANGE.exec(bounds) ?? [];
    for (const value of [least, most]) expect([value, set(key, moved(value, 0)).kind]).toEqual([value, 'ok']);
    expect(set(key, moved(most, 1)).kind).toBe('error');
    if (Number.parseInt(least, 10) > 0) expect(set(key, moved(least, -1)).kind).toBe('error');
  });
});

/** Bounds of durations and whole numbers; those of lists and texts are about their length. */
const RANGE = /^(\d+(?:ms|[smhd])?) to (\d+(?:ms|[smhd])?)(?:;|$)/;

function moved(text: string, change: number): unknown {
  const ms = parseDuration(text);
  return ms === null ? Number(text) + change : formatDuration(ms + change);
}

describe('docs/documents.md, tables of Analyses', () => {
  let use = '';
  const fields = rows(section('docs/documents.md', 'Analyses')).flatMap(([kind = '', field = '', , fallback = '']) => {
    use = code(kind)[0] ?? use;
    const [name] = code(field);
    return name === undefined || name === 'with' ? [] : [{ use, name, fallback: code(fallback)[0] }];
  });

  it.each(['error-rate', 'latency'])('%s has these defaults', (kind) => {
    const own = fields.filter((field) => field.use === kind && field.fallback !== undefined);
    const defaults = Object.fromEntries(
      own.map(({ name, fallback }) => [name, name === 'window' ? fallback : Number(fallback)]),
    );
    expect(Object.keys(defaults)).toEqual(['max', 'window']);
    const required = kind === 'latency' ? { objective: '250ms' } : {};
    // To the sequential judge a limit is one only where it is written.
    expect(AnalysisGrammar.parse({ use: kind, with: { ...required, ...defaults } })).toEqual({
      ...AnalysisGrammar.parse({ use: kind, with: required }),
      ceiling: defaults.max,
    });
  });

  it('a query has these defaults', () => {
    const [window = ''] = rows(section('docs/documents.md', 'Analyses')).flatMap(([name, , fallback = '']) =>
      name === '`window`' ? code(fallback) : [],
    );
    const query = { name: 'x', query: 'up', max: 1 };
    expect(AnalysisGrammar.parse({ ...query, window })).toEqual(AnalysisGrammar.parse(query));
  });
});

it('the defaults of docs/configuration.md, written out, are those of no file', () => {
  const [block] = fences('docs/configuration.md');
  const read = (text: string | null) => parseConfig({ file: '', text, env: {}, needRedis: false });
  expect(read(block?.text ?? '')).toEqual(read(null));
});
