import { readdirSync, readFileSync } from 'node:fs';

const pagesIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`);

/** A guide per release pattern, and their index. */
export const GUIDES: readonly string[] = pagesIn('docs/guides');

/** The pages that users read: the README and `docs/`, without the decisions. */
export const PAGES: readonly string[] = ['README.md', ...pagesIn('docs'), ...GUIDES];

export function page(file: string): string {
  return readFileSync(file, 'utf8');
}

export interface Fence {
  readonly language: string;
  readonly text: string;
  /** `docs/cli.md:17`, of the opening line. */
  readonly at: string;
  /** The paragraph above it. */
  readonly intro: string;
}

/** Fenced blocks, also those that no closing fence follows. */
export function fences(file: string): readonly Fence[] {
  const found: { language: string; lines: string[]; at: string; intro: string }[] = [];
  let open = false;
  const all = page(file).split('\n');
  all.forEach((line, i) => {
    const language = /^\s*```(.*)$/.exec(line)?.[1];
    if (language === undefined) {
      if (open) found.at(-1)?.lines.push(line);
      return;
    }
    open = !open;
    const intro = all.slice(0, i).join('\n').trimEnd().split('\n\n').at(-1) ?? '';
    if (open) found.push({ language: language.trim(), lines: [], at: `${file}:${i + 1}`, intro });
  });
  return found.map(({ lines, ...block }) => ({ ...block, text: `${lines.join('\n')}\n` }));
}

/** Files that a page shows: the paragraph above a block of YAML names the file that it is. */
export function filesOf(file: string): Readonly<Record<string, string>> {
  const named = fences(file).flatMap(({ language, intro, text }) => {
    const name = language === 'yaml' ? [...intro.matchAll(/`([\w-]+\.ya?ml)`/g)].at(-1)?.[1] : undefined;
    return name === undefined ? [] : [[name, text] as const];
  });
  // The first one is the whole; later ones show a part of it anew.
  return Object.fromEntries(named.toReversed());
}

/** A page without its fenced blocks. */
export function prose(file: string): string {
  return page(file).replaceAll(/^\s*```[\s\S]*?^\s*```$/gm, '');
}

/** The text under a heading, up to the next one of any depth; throws where there is none. */
export function section(file: string, heading: string): string {
  const lines = prose(file).split('\n');
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  if (start === -1) throw new Error(`${file} has no heading "${heading}"`);
  const length = lines.slice(start + 1).findIndex((line) => /^#+ /.test(line));
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

export function headings(file: string): readonly string[] {
  return [...prose(file).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text);
}

/** Anchors as GitHub makes them. */
export function anchors(file: string): readonly string[] {
  return headings(file).map((text) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}

/** Targets of the links of a page. */
export function links(file: string): readonly string[] {
  return [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** Cells of the tables in a text, head and rule included, a list per row. */
export function rows(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What stands between backticks. */
export function code(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, inner = '']) => inner);
}
