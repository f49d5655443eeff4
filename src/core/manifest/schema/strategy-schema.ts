import type { StrategyDocument } from '../../model/documents.ts';
import { DURATION_SHAPE, weight } from '../fields.ts';
import type { Json } from '../input-shape.ts';
import { MOST_STEPS, MOST_TEXT, type ParameterType, StrategyGrammar } from '../strategy-grammar.ts';
import { inputSchema } from './input-schema.ts';

const PLACEHOLDER = { type: 'string', pattern: '^\\{\\{ *[A-Za-z0-9]+ *\\}\\}$' } as const;

/** A strategy's steps: those of a plan, in which a parameter may stand for any value. */
export function withPlaceholders(strategy: Json, steps: Json): Json {
  const step = open(steps.items as Json);
  const properties = { ...CONTROL, ...(step.properties as Json) };
  const spec = strategy.properties as Json;
  return {
    ...strategy,
    properties: { ...spec, steps: { ...(spec.steps as Json), items: { ...step, properties } } },
  };
}

/** Every value may be a placeholder as well. */
function open(schema: Json): Json {
  const out: Record<string, unknown> = { ...schema };
  if (Array.isArray(out.anyOf)) return { ...out, anyOf: out.anyOf.map((branch: Json) => open(branch)) };
  if (out.type === 'object' && typeof out.properties === 'object') {
    const properties = Object.entries(out.properties as Json).map(([key, value]) => [key, open(value as Json)]);
    return { ...out, properties: Object.fromEntries(properties) };
  }
  if (out.type === 'array') return { ...out, items: open((out.items ?? {}) as Json) };
  return { anyOf: [schema, PLACEHOLDER] };
}

/** What makes several steps of one, or none. */
const CONTROL: Json = {
  forEach: { type: 'string' },
  repeat: { type: 'string' },
  when: { type: 'object' },
};

const PARAMETER: Readonly<Record<ParameterType, Json>> = {
  weights: { type: 'array', minItems: 1, maxItems: MOST_STEPS, items: inputSchema(weight) },
  weight: inputSchema(weight),
  shares: { type: 'object', minProperties: 1, additionalProperties: inputSchema(weight) },
  duration: DURATION_SHAPE,
  boolean: { type: 'boolean' },
  text: { type: 'string', maxLength: MOST_TEXT },
  count: { type: 'integer', minimum: 1, maximum: MOST_STEPS },
  choice: { type: 'string' },
};

/** What `with` takes depends on `use`: known for the strategies that are shipped. */
export function strategyChoices(plan: Json, shipped: readonly StrategyDocument[]): Json {
  const properties = plan.properties as Json;
  const strategy = properties.strategy as Json;
  const known = strategy.properties as Json;
  const specs = shipped.map(({ name, spec }) => ({ name, spec: StrategyGrammar.parse(spec) }));
  const use = {
    ...(known.use as Json),
    anyOf: [
      ...specs.map(({ name, spec }) => ({ const: name, description: spec.description ?? name })),
      { type: 'string' },
    ],
  };
  const allOf = specs.map(({ name, spec }) => ({
    if: { properties: { use: { const: name } }, required: ['use'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {
      properties: {
        with: {
          type: 'object',
          additionalProperties: false,
          properties: Object.fromEntries(
            Object.entries(spec.parameters ?? {}).map(([parameter, { type, default: value, options, description }]) => [
              parameter,
              {
                ...PARAMETER[type],
                ...(options === undefined ? {} : { enum: options }),
                ...(description === undefined ? {} : { description }),
                ...(value === undefined ? {} : { default: value, examples: [value] }),
              },
            ]),
          ),
        },
      },
    },
  }));
  return { ...plan, properties: { ...properties, strategy: { ...strategy, properties: { ...known, use }, allOf } } };
}
