import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LINT_RULES } from '../../src/core/manifest/lint/rules.ts';
import { ERRORS } from '../../src/core/model/errors.ts';
import { PHASES } from '../../src/core/model/phase.ts';
import { ConfigFile } from '../../src/platform/config-grammar.ts';
import { ProblemBody, RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { EXIT } from '../../src/surfaces/cli/exit.ts';
import { apiServer } from '../support/api-server.ts';
import { commandLine } from '../support/command-line.ts';
import { fakeEngine } from '../support/fake-engine.ts';
import { code, fences, headings, page, rows, section } from '../support/markdown.ts';

/** What the pages list, both ways: all that is there, and nothing that is not. */

const help = async (...command: string[]) => (await commandLine('').run(...command, '--help')).stdout;

/** Every command that can be run, as `rollout start`. */
async function commandsUnder(...path: string[]): Promise<string[]> {
  const list = /^Commands:\n([\s\S]*)/m.exec(await help(...path))?.[1] ?? '';
  const names = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
  if (names.length === 0) return [path.join(' ')];
  return (await Promise.all(names.map((name) => commandsUnder(...path, name)))).flat();
}

const flagsIn = (text: string) => [...new Set([...text.matchAll(/--[a-z][a-z-]+/g)].map(([flag]) => flag))].sort();

describe('docs/cli.md', () => {
  const documented = headings('docs/cli.md').flatMap((text) => /^serin (.+)$/.exec(text)?.[1] ?? []);
  let commands: readonly string[];
  beforeAll(async () => {
    commands = await commandsUnder();
  });

  it('has every command', () => {
    expect(commands).toContain('rollout start');
    expect([...documented].sort()).toEqual([...commands].sort());
  });

  it.each(documented)('has every flag of %s', async (command) => {
    const real = flagsIn(await help(...command.split(' '))).filter((flag) => flag !== '--help');
    const text = section('docs/cli.md', `serin ${command}`);
    expect(real.filter((flag) => !text.includes(flag))).toEqual([]);
  });

  it('has no flag that no command has', async () => {
    const real = await Promise.all([help(), ...commands.map((command) => help(...command.split(' ')))]);
    // `--rm` is docker's.
    expect(flagsIn(page('docs/cli.md')).filter((flag) => flag !== '--rm')).toEqual(flagsIn(real.join('\n')));
  });

  it('has every finding of plan lint, with its severity', () => {
    const documented = rows(section('docs/cli.md', 'serin plan lint')).flatMap(([name = '', severity = '']) =>
      /^(?:error|warning)$/.test(severity) ? [[code(name)[0], severity]] : [],
    );
    expect(documented).toEqual(Object.entries(LINT_RULES).map(([name, rule]) => [name, rule.severity]));
  });

  it('has every exit code', () => {
    const codes = rows(section('docs/cli.md', 'Exit codes')).flatMap(([cell = '']) => (/^\d+$/.test(cell) ? cell : []));
    expect(codes.map(Number)).toEqual(Object.values(EXIT));
  });
});

it('every variable that the code reads is documented, and no other', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const inCode = sources.flatMap((file) => readFileSync(join('src', file), 'utf8').match(/\bSERIN_[A-Z_]+\b/g) ?? []);
  const inPages = ['docs/cli.md', 'docs/configuration.md'].flatMap((file) => page(file).match(/\bSERIN_[A-Z_]+\b/g));
  const variables = (names: readonly (string | null)[]) =>
    [...new Set(names)].filter((name) => name !== null && !Object.hasOwn(ERRORS, name)).sort();
  // A variable of the example, named as the reader likes.
  const example = 'SERIN_REDIS';
  expect(variables(inPages).filter((name) => name !== example)).toEqual(variables(inCode));
});

it('docs/configuration.md has every key', () => {
  const keys = leaves(z.toJSONSchema(ConfigFile, { io: 'input', unrepresentable: 'any' }) as Shape);
  const documented = rows(section('docs/configuration.md', 'Keys')).flatMap(([cell = '']) => code(cell));
  // Lists stand there too: their bounds.
  const lists = ['fleets', 'fleets[].listeners', 'notifiers', 'hooks', 'auth.tokens'];
  expect([...documented].sort()).toEqual([...new Set([...keys, ...lists])].sort());
});

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
}

/** `fleets[].match.cluster` and so on: keys that hold no other known key. */
function leaves({ properties, items }: Shape, path = ''): string[] {
  if (items?.properties !== undefined) return leaves(items, `${path}[]`);
  if (properties === undefined) return [path];
  return Object.entries(properties).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`));
}

describe('docs/api.md', () => {
  it('has every route', async () => {
    const server = await apiServer(fakeEngine());
    const described = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    await server.close();
    const served = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const documented = rows(section('docs/api.md', 'Routes')).flatMap(([cell = '']) => code(cell));
    // Not part of their own description.
    expect([...documented].sort()).toEqual([...served, 'GET /metrics', 'GET /openapi.json'].sort());
  });

  it('shows a rollout and a problem with all of their fields', () => {
    const [rollout, problem] = fences('docs/api.md').flatMap(({ language, text }) =>
      language === 'json' ? [JSON.parse(text) as unknown] : [],
    );
    expect(RolloutBody.parse(rollout)).toEqual(rollout);
    expect(ProblemBody.parse(problem)).toEqual(problem);
  });

  it('has every phase', () => {
    const [, phases = ''] = rows(section('docs/api.md', 'Shapes')).find(([field]) => field === '`phase`') ?? [];
    expect(code(phases)).toEqual(PHASES);
  });

  it('has every metric, with its type', async () => {
    const server = await apiServer(fakeEngine());
    const text = await (await fetch(`${server.url}/metrics`)).text();
    await server.close();
    const served = [...text.matchAll(/^# TYPE (serin_\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]);
    const documented = rows(section('docs/api.md', 'Metrics')).flatMap(([name = '', type = '']) =>
      name.startsWith('`') ? [[...code(name), type]] : [],
    );
    expect(served).toHaveLength(33);
    expect(documented.toSorted()).toEqual(served.toSorted());
  });
});
