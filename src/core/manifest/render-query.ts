/** Names that may stand in a custom query as `{{ name }}`, and where: text only inside a PromQL string literal. */
const QUERY_NAMES = {
  backend: 'text',
  'canary.revision': 'text',
  'canary.cluster': 'text',
  'stable.revision': 'text',
  'stable.cluster': 'text',
  /** Of the arm that is asked about, where the same is asked of each. */
  'arm.revision': 'text',
  'arm.cluster': 'text',
  /** Like `60s`. */
  window: 'duration',
  'window.seconds': 'number',
} as const;
type QueryName = keyof typeof QUERY_NAMES;
export type QueryValues = Readonly<Record<QueryName, string>>;

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The first thing wrong with a template's placeholders, or `null`. */
export function checkTemplate(template: string, names: readonly string[]): string | null {
  for (const [whole, name] of template.matchAll(PLACEHOLDER)) {
    if (!names.includes(name ?? '')) return `unknown name in ${whole.slice(0, 60)}; known: ${names.join(', ')}`;
  }
  const rest = template.replaceAll(PLACEHOLDER, '');
  return rest.includes('{{') || rest.includes('}}') ? 'a "{{" has no "}}", or the other way round' : null;
}

/** Is there a placeholder of the kind that is filled when a query is asked, rightly written or not? */
export function namesQueryValues(text: string): boolean {
  const roots = Object.keys(QUERY_NAMES).map((name) => name.split('.')[0]);
  return [...text.matchAll(PLACEHOLDER)].some(([, name = '']) => roots.includes(name.split('.')[0]));
}

/** Does the query ask about one arm? Else each would get the same answer. */
export function asksPerArm(query: string): boolean {
  return placeholders(query).some(({ name }) => name.startsWith('arm.'));
}

/** The first thing wrong with a custom query's placeholders, or `null`. */
export function checkQuery(query: string): string | null {
  const wrong = checkTemplate(query, Object.keys(QUERY_NAMES));
  if (wrong !== null) return wrong;
  for (const { name, place } of placeholders(query)) {
    if (place.kind === 'bare' && QUERY_NAMES[name as QueryName] === 'text') {
      return `{{ ${name} }} is text and must stand inside quotes`;
    }
    if (place.kind === 'string' && place.quote === '`') {
      return `{{ ${name} }} stands in backticks, where nothing can be escaped; use "…"`;
    }
  }
  return null;
}

/**
 * Fills a query's placeholders, each escaped for its place: as part of a string literal (`\`, the quote, newlines),
 * and behind `=~` or `!~` as literal text of the pattern too. So a name can never become a part of the query
 * (Prometheus querying basics, string literals; RE2 syntax).
 */
export function renderQuery(query: string, values: QueryValues): string {
  let rendered = '';
  let from = 0;
  for (const { name, place, start, end } of placeholders(query)) {
    const value = values[name as QueryName] ?? '';
    rendered += query.slice(from, start) + (place.kind === 'bare' ? value : escaped(value, place));
    from = end;
  }
  return rendered + query.slice(from);
}

type Place =
  | { readonly kind: 'bare' }
  | { readonly kind: 'string'; readonly quote: string; readonly isPattern: boolean };

interface Placeholder {
  readonly name: string;
  readonly place: Place;
  readonly start: number;
  readonly end: number;
}

function placeholders(query: string): readonly Placeholder[] {
  const found: Placeholder[] = [];
  let place: Place = { kind: 'bare' };
  for (let i = 0; i < query.length; i += 1) {
    const character = query[i] ?? '';
    if (query.startsWith('{{', i)) {
      const end = query.indexOf('}}', i) + 2;
      if (end === 1) break;
      found.push({ name: query.slice(i + 2, end - 2).trim(), place, start: i, end });
      i = end - 1;
    } else if (place.kind === 'string') {
      if (character === '\\' && place.quote !== '`') i += 1;
      else if (character === place.quote) place = { kind: 'bare' };
    } else if (character === '#') {
      // A query is one line, so the rest is a comment: a quote there opens nothing.
      break;
    } else if (character === '"' || character === "'" || character === '`') {
      place = { kind: 'string', quote: character, isPattern: /[=!]~\s*$/.test(query.slice(0, i)) };
    }
  }
  return found;
}

function escaped(value: string, { quote, isPattern }: Extract<Place, { kind: 'string' }>): string {
  const literal = isPattern ? value.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&') : value;
  return literal.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`).replaceAll('\n', '\\n');
}
