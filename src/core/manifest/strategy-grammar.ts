import { z } from 'zod';
import { parseDuration } from '../model/duration.ts';
import { didYouMean } from '../model/suggest.ts';
import { choice, fields } from './fields.ts';
import { namesQueryValues } from './render-query.ts';

const PARAMETER_TYPES = ['weights', 'weight', 'shares', 'duration', 'boolean', 'text', 'count', 'choice'] as const;
export type ParameterType = (typeof PARAMETER_TYPES)[number];

/** Steps that one parameter can make, and characters of one that is text. */
export const MOST_STEPS = 50;
export const MOST_TEXT = 256;

/** A strategy: typed parameters and steps in which `{{ parameter }}` stands for a whole value. */
export const StrategyGrammar = fields({
  description: z.string().max(1_000).optional(),
  parameters: z
    .record(
      z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/, 'expected a parameter name in camelCase'),
      fields({
        type: choice(PARAMETER_TYPES),
        default: z.unknown().optional(),
        options: z.array(z.string().min(1).max(64)).min(1).max(16).optional(),
        description: z.string().max(500).optional(),
      }),
      'expected a mapping of parameters',
    )
    .optional(),
  /** Of a plan that says none itself. */
  bake: z.string('expected a duration like 10m, or a parameter').max(64).optional(),
  steps: z.array(z.record(z.string(), z.unknown(), 'expected a step'), 'expected a list of steps').max(50),
}).superRefine(({ parameters = {}, bake, steps }, ctx) => {
  if (steps.length === 0 && bake === undefined) {
    ctx.addIssue({ code: 'custom', message: 'expected at least one step, or a bake', path: ['steps'] });
  }
  for (const [name, parameter] of Object.entries(parameters)) {
    if ((parameter.type === 'choice') !== (parameter.options !== undefined)) {
      const message = 'a choice needs options, and nothing else has any';
      ctx.addIssue({ code: 'custom', message, path: ['parameters', name, 'options'] });
      continue;
    }
    if (parameter.default === undefined || fits(parameter, parameter.default)) continue;
    ctx.addIssue({
      code: 'custom',
      message: `the default is no ${describeParameter(parameter)}`,
      path: ['parameters', name, 'default'],
    });
  }
});
type Parameter = NonNullable<StrategySpec['parameters']>[string];
export type StrategySpec = z.infer<typeof StrategyGrammar>;

export interface ExpansionError {
  /** Path below `spec.strategy`. */
  readonly path: string;
  readonly message: string;
}

/** Raw steps of a strategy, and its bake, under the given parameters; what is wrong names the parameter in the plan. */
export function expandStrategy(
  spec: StrategySpec,
  given: Readonly<Record<string, unknown>>,
): { readonly steps: readonly unknown[]; readonly bake?: unknown; readonly errors: readonly ExpansionError[] } {
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
  for (const [name, parameter] of Object.entries(declared)) {
    const value = given[name] ?? parameter.default;
    if (value === undefined)
      errors.push({ path: 'with', message: `parameter "${name}" is required: a ${describeParameter(parameter)}` });
    else if (!fits(parameter, value))
      errors.push({ path: `with.${name}`, message: `expected ${describeParameter(parameter)}` });
    else values[name] = value;
  }
  if (errors.length > 0) return { steps: [], errors };
  const { steps, errors: wrong } = expandSteps(spec.steps, values);
  const bake = fill(spec.bake, values, errors);
  return { steps, bake, errors: [...wrong, ...errors] };
}

function expandSteps(
  raw: readonly Readonly<Record<string, unknown>>[],
  values: Readonly<Record<string, unknown>>,
): { readonly steps: readonly unknown[]; readonly errors: readonly ExpansionError[] } {
  const errors: ExpansionError[] = [];
  const steps = raw.flatMap((step) => {
    const { forEach, repeat, when, ...rest } = step;
    if (!holds(when, values, errors)) return [];
    if (repeat !== undefined) {
      const times = typeof repeat === 'string' ? values[repeat] : undefined;
      if (typeof times === 'number') return Array.from({ length: times }, () => fill(rest, values, errors));
      errors.push({ path: 'use', message: `the strategy repeats a step "${String(repeat)}" times, which is no count` });
      return [];
    }
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

/** `when: { by: header }`: the step is there only where every parameter has that value. */
function holds(when: unknown, values: Readonly<Record<string, unknown>>, errors: ExpansionError[]): boolean {
  if (when === undefined) return true;
  const wanted = typeof when === 'object' && when !== null && !Array.isArray(when) ? Object.entries(when) : [];
  const unknown = wanted.find(([name]) => !Object.hasOwn(values, name));
  if (wanted.length === 0 || unknown !== undefined) {
    const message = `the strategy has a step for "${unknown?.[0] ?? String(when)}", which is no parameter of it`;
    errors.push({ path: 'use', message });
    return false;
  }
  return wanted.every(([name, value]) => values[name] === value);
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
  if (name === undefined && namesQueryValues(value)) return value;
  errors.push({ path: 'use', message: `the strategy uses ${value.slice(0, 60)}, which is no parameter of it` });
  return value;
}

function fits({ type, options = [] }: Parameter, value: unknown): boolean {
  switch (type) {
    case 'weights':
      return Array.isArray(value) && value.length > 0 && value.length <= MOST_STEPS && value.every(isWeight);
    case 'weight':
      return isWeight(value);
    case 'shares':
      return isMapping(value) && Object.keys(value).length > 0 && Object.values(value).every(isWeight);
    case 'count':
      return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MOST_STEPS;
    case 'choice':
      return typeof value === 'string' && options.includes(value);
    case 'duration':
      return typeof value === 'string' && parseDuration(value) !== null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'text':
      return typeof value === 'string' && value.length <= MOST_TEXT;
  }
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWeight(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= 100;
}

/** What fits, as errors and starter files say it. */
export function describeParameter({ type, options = [] }: Parameter): string {
  const words: Record<ParameterType, string> = {
    weights: `list of 1 to ${MOST_STEPS} percentages from 0 to 100, like [5, 25, 50]`,
    weight: 'percentage from 0 to 100',
    shares: 'percentage for each arm, like { stable: 34, canary: 33, green: 33 }',
    duration: 'duration like 5m',
    boolean: 'true or false',
    text: `text of at most ${MOST_TEXT} characters`,
    count: `whole number from 1 to ${MOST_STEPS}`,
    choice: `one of ${options.join(', ')}`,
  };
  return words[type];
}
