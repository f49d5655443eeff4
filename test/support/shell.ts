/**
 * The commands of a shell script, as its words: quotes taken off, comments and redirections left out, those inside of
 * `$(…)` found as well. Nothing is expanded: `$ID` stays `$ID`. Enough for what pages show, not for every script.
 */
export function shellCommands(script: string): readonly (readonly string[])[] {
  const found: string[][] = [];
  read(script, found);
  return found.map(bare).filter((words) => words.length > 0);
}

/** What is no program of its own: it comes before one, or stands for itself. */
const BEFORE = new Set(['do', 'then', 'else', 'elif', 'if', 'while', 'until', '!', '{', 'time']);
const ALONE = new Set(['for', 'case', 'done', 'fi', 'esac', '}']);

function bare(words: readonly string[]): readonly string[] {
  const [first] = words;
  if (first === undefined || ALONE.has(first)) return [];
  return BEFORE.has(first) || /^[A-Za-z_]\w*=/.test(first) ? bare(words.slice(1)) : words;
}

interface Reader {
  readonly text: string;
  at: number;
}

/** One list of commands, up to its end or the `)` that closes it. */
function read(script: string | Reader, found: string[][]): void {
  const from: Reader = typeof script === 'string' ? { text: script, at: 0 } : script;
  let words: string[] = [];
  let heredoc: string | null = null;
  /** Where the patterns of a branch of `case` begin; `null`: there is none to come. */
  let patterns: number | null = null;
  let open = 0;
  const end = () => {
    if (words.length > 0) found.push(words);
    if (words[0] === 'case') patterns = found.length;
    words = [];
  };
  while (from.at < from.text.length) {
    const rest = from.text.slice(from.at);
    const operator = /^(?:;;|&&|\|\||[;&|\n()])/.exec(rest)?.[0];
    const redirection = /^(?:\d*(?:>>|>&|>|<<|<)[ \t]*)/.exec(rest)?.[0];
    if (/^[ \t]/.test(rest)) from.at += 1;
    else if (rest.startsWith('\\\n')) from.at += 2;
    else if (rest.startsWith('#')) from.at += rest.search(/\n|$/);
    else if (redirection !== undefined) {
      from.at += redirection.length;
      const target = word(from, found);
      if (redirection.includes('<<')) heredoc = target;
    } else if (operator === undefined) {
      words.push(word(from, found));
      if (words[0] === 'case' && words.at(-1) === 'in') end();
    } else {
      from.at += operator.length;
      if (operator === ')' && patterns !== null) {
        found.length = patterns;
        [words, patterns] = [[], null];
        continue;
      }
      end();
      if (operator === ';;') patterns = found.length;
      if (operator === '(') open += 1;
      if (operator === ')' && open === 0) return;
      if (operator === ')') open -= 1;
      if (operator === '\n' && heredoc !== null) {
        const body = from.text.slice(from.at).indexOf(`\n${heredoc}\n`);
        from.at = body === -1 ? from.text.length : from.at + body + heredoc.length + 2;
        heredoc = null;
      }
    }
  }
  end();
}

/** One word; the commands inside of its `$(…)` are added to `found`. */
function word(from: Reader, found: string[][]): string {
  let text = '';
  let quoted = false;
  while (from.at < from.text.length) {
    const rest = from.text.slice(from.at);
    const single = quoted ? null : /^'([^']*)'/.exec(rest);
    if (single !== null) {
      text += single[1];
      from.at += single[0].length;
    } else if (rest.startsWith('"')) {
      quoted = !quoted;
      from.at += 1;
    } else if (rest.startsWith('$(')) {
      const start = from.at;
      from.at += 2;
      read(from, found);
      text += from.text.slice(start, from.at);
    } else if (rest.startsWith('\\\n')) from.at += 2;
    else if (rest.startsWith('\\')) {
      text += rest[1] ?? '';
      from.at += 2;
    } else if (!quoted && /^[\s;&|()<>]/.test(rest)) return text;
    else {
      text += rest[0];
      from.at += 1;
    }
  }
  return text;
}
