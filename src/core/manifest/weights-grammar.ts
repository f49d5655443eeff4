import { z } from 'zod';
import type { StepSpec } from '../model/documents.ts';
import { TOTAL_WEIGHT } from '../model/documents.ts';
import { armWeight, CANARY, MAX_VARIANTS } from '../model/variants.ts';
import { documentName, weight } from './fields.ts';

/** What a step gives its arms: one percentage for the canary, or one for each arm. */

const STABLE = 'stable';

const armName = documentName.refine((name) => name.length <= 32, 'expected a name of at most 32 characters');

/** Beside stable and the canary, which are there anyway. */
export const variantNames = z
  .array(
    armName.refine((name) => name !== STABLE && name !== CANARY, 'stable and canary are there without being named'),
    'expected a list of names',
  )
  .min(1, 'expected at least one: without any there is the canary alone')
  .max(MAX_VARIANTS, `at most ${MAX_VARIANTS} variants beside the canary`)
  .superRefine((names, ctx) => {
    const twice = names.findIndex((name, i) => names.indexOf(name) < i);
    if (twice !== -1)
      ctx.addIssue({ code: 'custom', message: `${names[twice]} is in the list already`, path: [twice] });
  });

export const weightFields = {
  weight: weight.optional(),
  weights: z
    .record(armName, weight, 'expected a percentage for each arm')
    .refine((arms) => CANARY in arms, `expected one for the ${CANARY}`)
    .optional(),
};

interface Raw {
  readonly weight?: number | undefined;
  readonly weights?: Readonly<Record<string, number>> | undefined;
}

export function checkWeights({ weight: one, weights }: Raw, ctx: z.RefinementCtx): void {
  const wrong = (message: string, path: string) => ctx.addIssue({ code: 'custom', message, path: [path] });
  if (weights === undefined) {
    if (one === undefined) wrong('expected a percentage from 0 to 100, or weights with one for each arm', 'weight');
    return;
  }
  if (one !== undefined) wrong('expected either weight or weights, with all arms', 'weight');
  const sum = Object.values(weights).reduce((all, share) => all + share, 0);
  if (sum > TOTAL_WEIGHT) wrong(`the arms have ${sum / 100} % together, which is more than all`, 'weights');
  else if (STABLE in weights && sum !== TOTAL_WEIGHT)
    wrong(
      `the arms have ${sum / 100} % together: expected 100, or leave ${STABLE} out, which gets the rest`,
      'weights',
    );
}

export function weightsOf({ weight: one, weights }: Raw): Pick<StepSpec, 'weight' | 'weights'> {
  if (weights === undefined) return { weight: one ?? 0 };
  const others = Object.entries(weights).filter(([arm]) => arm !== STABLE && arm !== CANARY);
  return {
    weight: weights[CANARY] ?? 0,
    ...(others.length === 0 ? {} : { weights: Object.fromEntries(others) }),
  };
}

/** Who gets less than in the step before; `null`: nobody. */
export function fallenArm(
  before: StepSpec,
  now: StepSpec,
): { readonly whose: string; readonly from: number; readonly to: number } | null {
  for (const arm of [CANARY, ...Object.keys(before.weights ?? {})]) {
    const [from, to] = [armWeight(before, arm), armWeight(now, arm)];
    if (to < from) return { whose: arm === CANARY ? '' : ` of ${arm}`, from, to };
  }
  return null;
}
