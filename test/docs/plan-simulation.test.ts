import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inputSchema } from '../../src/core/manifest/schema/input-schema.ts';
import { readYaml } from '../../src/core/manifest/yaml-source.ts';
import { WorldGrammar } from '../../src/core/simulation/world-grammar.ts';
import { commandLine } from '../support/command-line.ts';
import { code, fences, rows, section } from '../support/markdown.ts';

const PAGE = 'docs/plan-simulation.md';
const blocks = fences(PAGE);
const [plan = '', world = '', further = '', chain = '', chainWorld = '', designs = '', designsWorld = ''] = blocks
  .filter(({ language }) => language === 'yaml')
  .map(({ text }) => text);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-docs-'));
  writeFileSync(join(folder, 'shop.yaml'), plan);
  writeFileSync(join(folder, 'world.yaml'), world);
  writeFileSync(join(folder, 'chain.yaml'), chain);
  writeFileSync(join(folder, 'chain-world.yaml'), chainWorld);
  writeFileSync(join(folder, 'designs.yaml'), designs);
  writeFileSync(join(folder, 'designs-world.yaml'), designsWorld);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

function keysOf({ properties = {}, additionalProperties, items, anyOf = [] }: Shape, path = ''): readonly string[] {
  return [
    ...Object.entries(properties).flatMap(([key, inner]) => {
      const here = path === '' ? key : `${path}.${key}`;
      return [here, ...keysOf(inner, here)];
    }),
    ...(typeof additionalProperties === 'object' ? keysOf(additionalProperties, `${path}.*`) : []),
    ...(items === undefined ? [] : keysOf(items, `${path}[]`)),
    ...anyOf.flatMap((one) => keysOf(one, path)),
  ];
}

/** What all that changes over time has, and what arms and backends have as the first one does, stand once. */
const STANDS_ONCE =
  /\[\]\.(at|weight)$|^stable\.latency\[\]\.|^(canary|variants\.\*)\.(errors|latency)|^backends\.\*\.|^readout\.\*\.(stable|canary)\[\]\.|\.variants\.\*|^queries\.\*\.stable\[\]\./;

describe(PAGE, () => {
  const commands = blocks.filter(({ text }) => text.startsWith('$ serin plan simulate')).map(({ text }) => text);

  it.each(commands)('shows what its command prints: %#', { timeout: 60_000 }, async (shown) => {
    const [line = '', ...output] = shown.split('\n');
    const words = line.replace('$ serin ', '').replaceAll(/\b[\w-]+\.yaml\b/g, (file) => join(folder, file));
    const { code: exit, stdout, stderr } = await commandLine('').run(...words.split(' '));
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toBe(output.join('\n'));
  });

  it('has every field of a world', () => {
    const real = [...new Set(keysOf(inputSchema(WorldGrammar) as Shape))];
    const outside = real.filter((key) => !STANDS_ONCE.test(key) || key === 'people.commands[].at');
    const documented = rows(section(PAGE, 'A world')).flatMap(([key = '']) => code(key));
    expect(documented.filter((key) => key !== 'at' && key !== 'weight').toSorted()).toEqual(outside.toSorted());
  });

  it('has a second example that is a world', () => {
    const [document] = readYaml({ file: PAGE, text: further }).documents;
    expect(z.safeParse(WorldGrammar, document?.value)).toMatchObject({ success: true });
  });
});
