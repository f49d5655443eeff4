import { expandStrategy, type StrategySpec } from '../strategy-grammar.ts';

/** A strategy with its parameters filled in. */
export interface ExpandedStrategy {
  readonly name: string;
  readonly parameters: readonly ParameterInForce[];
  /** As if they stood in the plan. */
  readonly steps: readonly Raw[];
  /** The same without what only defaults of parameters have filled in. */
  readonly said: { readonly steps: readonly Raw[]; readonly bake: unknown };
}

interface ParameterInForce {
  readonly name: string;
  readonly type: string;
  readonly value: unknown;
  readonly isDefault: boolean;
}

type Raw = Readonly<Record<string, unknown>>;

/** No field of a step has this name, so it tells which line of the strategy a step was made of. */
const ORIGIN = ' origin';

/** The plan has been parsed: what is given fits. */
export function expanded(name: string, spec: StrategySpec, given: Raw): ExpandedStrategy {
  const marked = { ...spec, steps: spec.steps.map((step, i) => ({ ...step, [ORIGIN]: i })) };
  const { steps, bake } = expandStrategy(marked, given);
  const declared = Object.entries(spec.parameters ?? {});
  const free = new Set(declared.flatMap(([parameter]) => ((given[parameter] ?? null) === null ? [parameter] : [])));
  const origins = steps as readonly Raw[];
  return {
    name,
    parameters: declared.map(([parameter, { type, default: usual }]) => ({
      name: parameter,
      type,
      value: given[parameter] ?? usual,
      isDefault: free.has(parameter),
    })),
    steps: origins.map((step) => only(step, (key) => key !== ORIGIN)),
    said: {
      steps: origins.map((step) => {
        const template = spec.steps[Number(step[ORIGIN])] ?? {};
        return only(step, (key) => !isFilledByDefaults(template[key], template.forEach, free));
      }),
      bake: isFilledByDefaults(spec.bake, undefined, free) ? undefined : bake,
    },
  };
}

function only(step: Raw, wanted: (key: string) => boolean): Raw {
  return Object.fromEntries(Object.entries(step).filter(([key]) => wanted(key)));
}

/** Parameters stand in it, and nobody has given any of them. */
function isFilledByDefaults(template: unknown, forEach: unknown, free: ReadonlySet<string>): boolean {
  const text = JSON.stringify(template) ?? '';
  const names = [...text.matchAll(/"\{\{\s*([A-Za-z0-9]+)\s*\}\}"/g)].map(([, name = '']) =>
    name === 'weight' && typeof forEach === 'string' ? forEach : name,
  );
  return names.length > 0 && names.every((name) => free.has(name));
}
