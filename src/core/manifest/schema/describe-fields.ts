import { isObject } from '../../model/is-object.ts';
import type { Json } from '../input-shape.ts';
import type { FieldText } from './field-text.ts';
import { ANALYSIS_FIELDS, BACKEND_FIELDS, PLAN_FIELDS, STEP_FIELDS, STRATEGY_FIELDS } from './plan-fields.ts';
import { ROUTE_FIELDS, SHARED_FIELDS } from './route-fields.ts';
import { worldText } from './world-fields.ts';

/** A world is no document: it stands in a file of its own. */
export type Kind = 'Route' | 'Backend' | 'Plan' | 'Strategy' | 'World';

const FIELDS: Readonly<Record<Exclude<Kind, 'World'>, Readonly<Record<string, FieldText>>>> = {
  Route: ROUTE_FIELDS,
  Backend: BACKEND_FIELDS,
  Plan: PLAN_FIELDS,
  Strategy: STRATEGY_FIELDS,
};

/** What is known of the field at a path like `rules[].timeout` of a document's spec. */
function fieldText(kind: Kind, path: string): FieldText | undefined {
  if (kind === 'World') return worldText(path);
  const shared = sharedText(path);
  if (shared !== undefined) return shared;
  const own = path.replace(/\.headers\.(?:request|response)\.(?=set$|add$|remove$)/, '.headers.*.');
  const [, step] = /^(?:strategy\.)?steps\[\]\.(.+)$/.exec(own) ?? [];
  const [, analysis] = /^analysis\[\]\.(.+)$/.exec(step ?? own) ?? [];
  if (analysis !== undefined) return ANALYSIS_FIELDS[analysis] ?? ANALYSIS_FIELDS[analysis.replace(/^with\./, '')];
  return step === undefined ? FIELDS[kind][own] : STEP_FIELDS[step];
}

function sharedText(path: string): FieldText | undefined {
  const [, value] = /matches\[\]\.(?:headers|queryParams|cookies)\[\]\.(\w+)$/.exec(path) ?? [];
  if (value !== undefined) return SHARED_FIELDS[`value.${value}`];
  const [, sticky] = /(?:^|\.)(sticky\..+)$/.exec(path) ?? [];
  if (sticky !== undefined) return SHARED_FIELDS[sticky];
  const [, change] = /\.(?:redirect|rewrite)\.path\.(\w+)$/.exec(path) ?? [];
  return change === undefined ? undefined : SHARED_FIELDS[`path-change.${change}`];
}

/** The schema with what its fields mean. `undescribed` gets the path of each one of which nothing is known. */
export function describeFields(
  kind: Kind,
  schema: Json,
  undescribed: (path: string) => void = () => {},
  path = '',
): Json {
  const inside = (value: unknown, at: string) => describeFields(kind, value as Json, undescribed, at);
  const out: Record<string, unknown> = { ...schema };
  for (const key of ['anyOf', 'oneOf'] as const) {
    if (Array.isArray(out[key])) out[key] = out[key].map((branch: unknown) => inside(branch, path));
  }
  if (isObject(out.items)) out.items = inside(out.items, `${path}[]`);
  if (isObject(out.additionalProperties)) out.additionalProperties = inside(out.additionalProperties, `${path}.*`);
  if (!isObject(out.properties)) return out;
  out.properties = Object.fromEntries(
    Object.entries(out.properties).map(([key, value]) => {
      const at = path === '' ? key : `${path}.${key}`;
      const text = fieldText(kind, at);
      if (text === undefined) undescribed(at);
      return [key, withText(inside(value, at), text)];
    }),
  );
  return out;
}

function withText(schema: Json, text: FieldText | undefined): Json {
  if (text === undefined) return schema;
  const bounds = typeof schema.description === 'string' ? ` ${schema.description}` : '';
  return {
    ...schema,
    description: `${text.says}${bounds}`,
    ...(text.default === undefined ? {} : { default: text.default }),
    ...(text.examples === undefined ? {} : { examples: text.examples }),
  };
}
