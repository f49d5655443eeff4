import { z } from 'zod';

type Json = Readonly<Record<string, unknown>>;

/** What a schema takes, one line a field, in an order of its own: a change of the shape is a change of some lines. */
export function shapeLines(name: string, schema: z.ZodType): readonly string[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Json;
  return lines(name, json).sort();
}

/** The same of an example, for what no schema describes. */
export function exampleLines(name: string, value: unknown): readonly string[] {
  return [...new Set(lines(name, exampleSchema(value)))].sort();
}

function lines(path: string, schema: Json): string[] {
  const { properties, items, prefixItems, anyOf, oneOf, additionalProperties, required = [], ...own } = schema;
  const alternatives = (anyOf ?? oneOf) as readonly Json[] | undefined;
  if (alternatives !== undefined) {
    const nullable = alternatives.some(({ type }) => type === 'null');
    const others = alternatives.filter(({ type }) => type !== 'null');
    const only = others.length === 1;
    return [
      ...(nullable ? [`${path}: or null`] : []),
      ...others.flatMap((one) => lines(only ? path : `${path}<${nameOf(one)}>`, one)),
      ...rest(path, own),
    ];
  }
  const fields = Object.entries((properties ?? {}) as Record<string, Json>).flatMap(([key, value]) =>
    lines(`${path}.${key}${(required as readonly string[]).includes(key) ? '' : '?'}`, value),
  );
  const parts = ((prefixItems ?? []) as readonly Json[]).flatMap((one, i) => lines(`${path}[${i}]`, one));
  const values = isSchema(additionalProperties) ? lines(`${path}.*`, additionalProperties) : [];
  const list = isSchema(items) ? lines(`${path}[]`, items) : [];
  return [...rest(path, own), ...fields, ...parts, ...values, ...list];
}

function rest(path: string, { type, ...more }: Json): string[] {
  const words = Object.entries(more)
    .filter(([key]) => key !== '$schema')
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  const all = [...(typeof type === 'string' ? [type] : []), ...words];
  return all.length === 0 ? [] : [`${path}: ${all.join(', ')}`];
}

/** By what tells it from its siblings. */
function nameOf(schema: Json): string {
  const fields = Object.entries((schema.properties ?? {}) as Record<string, Json>);
  const marks = fields.flatMap(([key, one]) =>
    one.const !== undefined || one.enum !== undefined ? [`${key}=${JSON.stringify(one.const ?? one.enum)}`] : [],
  );
  return marks.length > 0 ? marks.join() : String(schema.type ?? 'any');
}

function isSchema(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function exampleSchema(value: unknown): Json {
  if (value === null) return { type: 'null' };
  if (Array.isArray(value)) return { type: 'array', items: value.length === 0 ? {} : exampleSchema(value[0]) };
  if (typeof value !== 'object') return { type: typeof value };
  const fields = Object.entries(value).map(([key, one]) => [key, exampleSchema(one)] as const);
  return { type: 'object', properties: Object.fromEntries(fields), required: Object.keys(value) };
}
