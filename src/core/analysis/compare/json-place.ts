interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * Line and column of the value at `path` in a text that is valid JSON; of what encloses it where it is missing.
 * `JSON.parse` keeps no places, so they are looked up afterwards, for mistakes only.
 */
export function placeOf(text: string, path: readonly PropertyKey[]): Place {
  let at = skipSpace(text, 0);
  for (const part of path) {
    const next = text[at] === '{' ? inObject(text, at, String(part)) : inArray(text, at, Number(part));
    if (next === null) break;
    at = next;
  }
  const lines = text.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** The last of equal keys wins in `JSON.parse`, so it does here. */
function inObject(text: string, open: number, wanted: string): number | null {
  let found: number | null = null;
  let at = skipSpace(text, open + 1);
  while (text[at] === '"') {
    const keyEnd = skipValue(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd));
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1);
    if (key === wanted) found = value;
    at = afterComma(text, skipValue(text, value));
  }
  return found;
}

function inArray(text: string, open: number, wanted: number): number | null {
  if (text[open] !== '[' || !Number.isInteger(wanted)) return null;
  let at = skipSpace(text, open + 1);
  for (let index = 0; text[at] !== undefined && text[at] !== ']'; index += 1) {
    if (index === wanted) return at;
    at = afterComma(text, skipValue(text, at));
  }
  return null;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (/\s/.test(text[at] ?? '')) at += 1;
  return at;
}

function afterComma(text: string, from: number): number {
  const at = skipSpace(text, from);
  return text[at] === ',' ? skipSpace(text, at + 1) : at;
}

/** The end of a value: brackets are counted, never followed, so depth costs nothing. */
function skipValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const character = text[at];
    if (character === undefined) return at;
    if (character === '"') {
      at += 1;
      while (text[at] !== '"' && at < text.length) at += text[at] === '\\' ? 2 : 1;
      at += 1;
    } else if (character === '{' || character === '[') {
      depth += 1;
      at += 1;
    } else if (character === '}' || character === ']') {
      depth -= 1;
      at += 1;
    } else if (depth > 0) at += 1;
    else while (/[^\s,\]}]/.test(text[at] ?? '')) at += 1;
  } while (depth > 0);
  return at;
}
