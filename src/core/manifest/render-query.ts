/** Names that may stand in a custom query as `{{ name }}`. */
export const QUERY_NAMES = [
  'backend',
  'canary.revision',
  'canary.cluster',
  'stable.revision',
  'stable.cluster',
  'window',
] as const;
export type QueryValues = Readonly<Record<(typeof QUERY_NAMES)[number], string>>;

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The first thing wrong with a template's placeholders, or `null`. */
export function checkTemplate(template: string, names: readonly string[]): string | null {
  for (const [whole, name] of template.matchAll(PLACEHOLDER)) {
    if (!names.includes(name ?? '')) return `unknown name in ${whole.slice(0, 60)}; known: ${names.join(', ')}`;
  }
  const rest = template.replaceAll(PLACEHOLDER, '');
  return rest.includes('{{') || rest.includes('}}') ? 'a "{{" has no "}}", or the other way round' : null;
}

/**
 * Fills a query's placeholders. Values are escaped as PromQL string literals (`\`, `"`, newline), so that a
 * revision's name can never become a part of the query (Prometheus querying basics, string literals).
 */
export function renderQuery(query: string, values: QueryValues): string {
  return query.replaceAll(PLACEHOLDER, (_whole, name: string) => {
    const value = values[name as keyof QueryValues] ?? '';
    return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  });
}
