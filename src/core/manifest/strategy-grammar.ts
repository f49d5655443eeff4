import { z } from 'zod';
import { parseDuration } from '../model/duration.ts';
import { didYouMean } from '../model/suggest.ts';
import { choice, fields } from './fields.ts';

const PARAMETER_TYPES = ['weights', 'weight', 'duration', 'boolean', 'text'] as const;
type ParameterType = (typeof PARAMETER_TYPES)[number];

/** A strategy: typed parameters and steps in which `{{ parameter }}` stands for a whole value. */
export const StrategyGrammar = fields({
  description: z.string().max(1_000).optional(),
  parameters: z
    .record(
      z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/, 'expected a parameter name in camelCase'),
      fields({
        type: choice(PARAMETER_TYPES),
        default: z.unknown().optional(),
        description: z.string().max(500).optional(),
      }),
      'expected a mapping of parameters',
    )
    .optional(),
  steps: z
    .array(z.record(z.string(), z.unknown(), 'expected a step'), 'expected a list of steps')
    .min(1, 'expected at least one step')
    .max(50),
}).superRefine(({ parameters = {} }, ctx) => {
  for (const [name, { type, default: value }] of Object.entries(parameters)) {
    if (value === undefined || fits(type, value)) continue;
    ctx.addIssue({
      code: 'custom',
      message: `the default is no ${describe(type)}`,
      path: ['parameters', name, 'default'],
    });
  }
});
export type StrategySpec = z.infer<typeof StrategyGrammar>;

export interface ExpansionError {
  /** Path below `spec.strategy`. */
  readonly path: string;
  readonly message: string;
}

/** Raw steps of a strategy under the given parameters; what is wrong names the parameter in the plan. */
export function expandStrategy(
  spec: StrategySpec,
  given: Readonly<Record<string, unknown>>,
): { readonly steps: readonly unknown[]; readonly errors: readonly ExpansionError[] } {
  const declared = spec.parameters ?? {};
  const errors: ExpansionError[] = [];
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declared, name)) continue;
    const known = Object.keys(declared);
    errors.push({
      path: `with.${name}`,
      message: `unknown parameter "${name}".${didYouMean(name, known)} Known: ${known.join(', ')}`,
    });
  }
  const values: Record<string, unknown> = {};
  for (const [name, { type, default: fallback }] of Object.entries(declared)) {
    const value = given[name] ?? fallback;
    if (value === undefined)
      errors.push({ path: 'with', message: `parameter "${name}" is required: a ${describe(type)}` });
    else if (!fits(type, value)) errors.push({ path: `with.${name}`, message: `expected ${describe(type)}` });
    else values[name] = value;
  }
  if (errors.length > 0) return { steps: [], errors };
  return expandSteps(spec.steps, values);
}

function expandSteps(
  raw: readonly Readonly<Record<string, unknown>>[],
  values: Readonly<Record<string, unknown>>,
): { readonly steps: readonly unknown[]; readonly errors: readonly ExpansionError[] } {
  const errors: ExpansionError[] = [];
  const steps = raw.flatMap((step) => {
    const { forEach, ...rest } = step;
    if (forEach === undefined) return [fill(rest, values, errors)];
    const list = typeof forEach === 'string' ? values[forEach] : undefined;
    if (!Array.isArray(list)) {
      errors.push({
        path: 'use',
        message: `the strategy repeats a step over "${String(forEach)}", which is no list of weights`,
      });
      return [];
    }
    // One step for each weight of the list; `{{ weight }}` is the weight at hand.
    return list.map((weight: unknown) => fill(rest, { ...values, weight }, errors));
  });
  return { steps, errors };
}

/** Replaces strings that are exactly one placeholder by its value; nothing is ever spliced into text. */
function fill(value: unknown, values: Readonly<Record<string, unknown>>, errors: ExpansionError[]): unknown {
  if (Array.isArray(value)) return value.map((item) => fill(item, values, errors));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, values, errors)]));
  }
  if (typeof value !== 'string' || !value.includes('{{')) return value;
  const name = /^\{\{\s*([A-Za-z0-9]+)\s*\}\}$/.exec(value)?.[1];
  if (name !== undefined && Object.hasOwn(values, name)) return values[name];
  // Queries have placeholders of their own, filled when they are asked.
  if (name === undefined && /\{\{\s*(canary|stable|backend|window)/.test(value)) return value;
  errors.push({ path: 'use', message: `the strategy uses ${value.slice(0, 60)}, which is no parameter of it` });
  return value;
}

function fits(type: ParameterType, value: unknown): boolean {
  switch (type) {
    case 'weights':
      return (
        Array.isArray(value) && value.length > 0 && value.length <= 50 && value.every((item) => fits('weight', item))
      );
    case 'weight':
      return typeof value === 'number' && value >= 0 && value <= 100;
    case 'duration':
      return typeof value === 'string' && parseDuration(value) !== null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'text':
      return typeof value === 'string' && value.length <= 256;
  }
}

function describe(type: ParameterType): string {
  const words: Record<ParameterType, string> = {
    weights: 'list of 1 to 50 percentages from 0 to 100, like [5, 25, 50]',
    weight: 'percentage from 0 to 100',
    duration: 'duration like 5m',
    boolean: 'true or false',
    text: 'text',
  };
  return words[type];
}
