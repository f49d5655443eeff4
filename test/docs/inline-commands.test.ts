import { beforeAll, expect, it } from 'vitest';
import { commandLine } from '../support/command-line.ts';
import { code, PAGES, prose } from '../support/markdown.ts';
import { shellCommands } from '../support/shell.ts';

/** Commands between backticks, in the text and in tables: often without what they need, but none that is not there. */

const help = async (...command: string[]) => (await commandLine('').run(...command, '--help')).stdout;
const flagsOf = (text: string) => [...text.matchAll(/(?<![\w-])--?[A-Za-z][\w-]*/g)].map(([flag]) => flag);

interface Known {
  readonly flags: readonly string[];
  readonly below: ReadonlyMap<string, Known>;
}

async function read(...path: string[]): Promise<Known> {
  const text = await help(...path);
  const list = /^Commands:\n([\s\S]*)/m.exec(text)?.[1] ?? '';
  const names = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
  const below = await Promise.all(names.map(async (name) => [name, await read(...path, name)] as const));
  return { flags: flagsOf(text), below: new Map(below) };
}

let all: Known;
beforeAll(async () => {
  all = await read();
});

/** What is wrong with a command; `null`: nothing. */
function wrong(args: readonly string[]): string | null {
  let [at, rest] = [all, args];
  for (let next = at.below.get(rest[0] ?? ''); next !== undefined; next = at.below.get(rest[0] ?? '')) {
    [at, rest] = [next, rest.slice(1)];
  }
  const [first] = rest;
  // `serin rollout …` and `serin fleet` speak of all of them.
  if (at.below.size > 0 && first !== undefined && !/^[-<…]/.test(first)) return `there is no command ${first}`;
  const flag = rest.filter((word) => word.startsWith('-')).find((word) => ![...at.flags, ...all.flags].includes(word));
  return flag === undefined || flag === '-' ? null : `it has no ${flag}`;
}

it.each([
  ['rollout frobnicate <id>', 'there is no command frobnicate'],
  ['rollout abort <id> --raeson x', 'it has no --raeson'],
])('serin %s: %s', (text, complaint) => {
  expect(wrong(text.split(' '))).toBe(complaint);
});

const inline = PAGES.flatMap((page) =>
  code(prose(page).replaceAll('\n', ' '))
    .filter((text) => /^serin [a-z]/.test(text))
    .map((text) => [page, text] as const),
);

it('are found', () => {
  expect(inline.length).toBeGreaterThan(100);
});

it.each([...new Map(inline.map(([page, text]) => [text, page]))].map(([text, page]) => [page, text]))(
  '%s: %s',
  (_, text) => {
    // What stands for something else is no redirection.
    const [words = []] = shellCommands(text.replaceAll(/<([^>]*)>/g, '{$1}'));
    expect(wrong(words.slice(1).map((word) => word.replace(/^\{/, '<')))).toBeNull();
  },
);
