import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocuments } from '../../src/core/manifest/parse-documents.ts';
import { readYaml } from '../../src/core/manifest/yaml-source.ts';
import type { Result } from '../../src/core/model/errors.ts';
import { formatError } from '../../src/core/model/format-error.ts';
import { readRawEnvoy } from '../../src/envoy-resources.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { ConfigFile } from '../../src/platform/config-grammar.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import { anchors, type Fence, fences, GUIDES, links, PAGES, page } from '../support/markdown.ts';

let folder: string;
/** Holds what every secret of the examples may be. */
let secretFile: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-docs-'));
  secretFile = join(folder, 'secret');
  writeFileSync(secretFile, 'https://example.com/secret\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const blocks = PAGES.flatMap(fences);
const yaml = blocks.filter(({ language }) => language === 'yaml');

function kindOf({ text }: Fence): 'documents' | 'configuration' | 'other' {
  if (text.includes('apiVersion: serin.dev/v1')) return 'documents';
  if (text.startsWith('# serin.yaml\n')) return 'configuration';
  const [first] = readYaml({ file: '', text }).documents;
  const keys = Object.keys((first?.value ?? {}) as object);
  return keys.length > 0 && keys.every((key) => key in ConfigFile.shape) ? 'configuration' : 'other';
}

function complaints(result: Result<unknown>): readonly string[] {
  return result.kind === 'ok' ? [] : result.errors.map(formatError);
}

const named = (kind: ReturnType<typeof kindOf>) =>
  yaml.filter((block) => kindOf(block) === kind).map((block) => [block.at, block.text] as const);

const rawEnvoy = readRawEnvoy();

describe('YAML of the pages', () => {
  it('is found, also where it stands in a new page', () => {
    const pagesWith = (kind: ReturnType<typeof kindOf>) => new Set(named(kind).map(([at]) => at.replace(/:\d+$/, '')));
    expect([...pagesWith('documents')]).toEqual(
      expect.arrayContaining(['README.md', 'docs/documents.md', 'docs/judging.md']),
    );
    expect([...pagesWith('configuration')]).toEqual(
      expect.arrayContaining(['README.md', 'docs/configuration.md', 'docs/judging.md', 'docs/notifications.md']),
    );
    const known = ['yaml', 'sh', 'json', 'text', ''];
    expect(blocks.filter(({ language }) => !known.includes(language)).map(({ at }) => at)).toEqual([]);
  });

  it.each(named('documents'))('%s are documents', (at, text) => {
    expect(complaints(parseDocuments([{ file: at, text }], shippedStrategies(), rawEnvoy))).toEqual([]);
  });

  it.each(named('configuration'))('%s is a configuration', (at, text) => {
    const env = Object.fromEntries(
      [...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, variable = '']) => [variable, 'https://example.com/secret']),
    );
    const withFiles = text.replaceAll(/(file:)?\/(run|etc)\/[\w./-]+/g, (_, scheme = '') => `${scheme}${secretFile}`);
    expect(complaints(parseConfig({ file: at, text: withFiles, env, needRedis: false }))).toEqual([]);
  });

  it.each(named('other'))('%s is YAML', (at, text) => {
    expect(readYaml({ file: at, text }).errors.map(formatError)).toEqual([]);
  });

  it('shows an error as it is', () => {
    const head = 'apiVersion: serin.dev/v1\nkind: Plan\nmetadata: { name: shop }\nspec:\n  backend: shop\n';
    const text = `${head}  strategy: { use: canry }\n`;
    const [error] = complaints(parseDocuments([{ file: 'shop.yaml', text }], shippedStrategies()));
    expect(page('docs/documents.md')).toContain(`\`\`\`text\n${error}\n\`\`\``);
  });
});

it.each(blocks.filter(({ language }) => language === 'json').map(({ at, text }) => [at, text]))(
  '%s is JSON',
  (_, text) => {
    expect(JSON.parse(text)).toBeTypeOf('object');
  },
);

it.each(blocks.filter(({ language }) => language === 'sh').map(({ at, text }) => [at, text]))(
  '%s is a shell script',
  (_, text) => {
    expect(spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' }).stderr).toBe('');
  },
);

describe.each(['README.md', 'CONTRIBUTING.md', ...PAGES.slice(1)])('links of %s', (file) => {
  const own = links(file).filter((target) => !/^[a-z]+:/.test(target));

  it('lead to files that exist, and to headings in them', () => {
    const broken = own.filter((target) => {
      const [path = '', anchor] = target.split('#', 2);
      const to = path === '' ? file : normalize(join(dirname(file), path));
      if (!existsSync(to)) return true;
      return anchor !== undefined && !anchors(to).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

it('the README leads to every page, and the index of the guides to every guide', () => {
  const [index, guides] = ['docs/guides/README.md', GUIDES.filter((file) => !file.endsWith('/README.md'))];
  const others = PAGES.slice(1).filter((file) => !guides.includes(file));
  expect(links('README.md')).toEqual(expect.arrayContaining(others));
  expect(links(index).map((target) => `docs/guides/${target}`)).toEqual(expect.arrayContaining([...guides]));
});
