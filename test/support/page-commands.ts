import { readYaml } from '../../src/core/manifest/yaml-source.ts';
import { type Fence, fences } from './markdown.ts';
import { shellCommands } from './shell.ts';

/** A command that a page shows, as its words. */
export interface PageCommand {
  /** `docs/cli.md:17`, of its block. */
  readonly at: string;
  readonly words: readonly string[];
  /** What the page says that it answers; `null` where it says nothing. */
  readonly output: readonly string[] | null;
}

/** The commands of a page in their order: those of shell blocks, behind a `$` in a transcript, and in a job of CI. */
export function pageCommands(file: string): readonly PageCommand[] {
  return fences(file).flatMap((block) => {
    if (block.language === 'sh') return plain(block.at, block.text);
    if (block.language === 'text') return transcript(block);
    return block.language === 'yaml' ? textsIn(block).flatMap((text) => plain(block.at, text)) : [];
  });
}

/** The arguments of `serin`, however it is called; `null` for another program. */
export function serinArguments(words: readonly string[]): readonly string[] | null {
  const line = words.join(' ');
  const called = [/^serin(?: |$)/, /^npm run -s serin --(?: |$)/, /^docker run .*?\/serin /].find((one) =>
    one.test(line),
  );
  const head = called?.exec(line)?.[0].trim().split(' ').length;
  return head === undefined ? null : words.slice(head);
}

export interface PageRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** What `curl` asks of Serin; `null` for other programs and whom else it asks. */
export function askedOfSerin([program, ...words]: readonly string[]): PageRequest | null {
  const url = words.find((word) => /^(?:\$SERIN|http:\/\/127\.0\.0\.1:7070)\//.test(word));
  if (program !== 'curl' || url === undefined) return null;
  const after = (flag: string) => words.flatMap((word, i) => (words[i - 1] === flag ? [word] : []));
  const headers = after('-H').map((header) => header.split(/: (.*)/s).slice(0, 2) as [string, string]);
  const [body = null] = after('-d');
  const [method = body === null ? 'GET' : 'POST'] = after('-X');
  return {
    method,
    path: url.replace(/^(?:\$SERIN|http:\/\/[^/]+)/, ''),
    headers: Object.fromEntries(headers),
    body,
  };
}

function plain(at: string, script: string): readonly PageCommand[] {
  return shellCommands(script).map((words) => ({ at, words, output: null }));
}

function transcript({ at, text }: Fence): readonly PageCommand[] {
  const parts = text.split(/^\$ /m).slice(1);
  return parts.flatMap((part) => {
    const [, line = '', output = ''] = /^((?:.*\\\n)*.*)\n([\s\S]*)$/.exec(part) ?? [];
    const shown = output.trimEnd().split('\n');
    return shellCommands(line).map((words) => ({ at, words, output: output.trim() === '' ? null : shown }));
  });
}

/** Every text in a block of YAML that calls a program: the commands of a job. */
function textsIn({ at, text }: Fence): readonly string[] {
  const walk = (value: unknown): readonly string[] => {
    if (typeof value === 'string') return value.includes('/serin ') ? [value] : [];
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(walk) : [];
  };
  return readYaml({ file: at, text }).documents.flatMap(({ value }) => walk(value));
}
