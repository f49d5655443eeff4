import { z } from 'zod';
import { expandStrategy, StrategyGrammar } from '../../manifest/strategy-grammar.ts';
import type { StrategyLibrary } from '../../manifest/strategy-library.ts';
import { didYouMean } from '../../model/suggest.ts';

const Named = z.looseObject({
  plan: z.looseObject({
    strategy: z.looseObject({ use: z.string(), with: z.record(z.string(), z.unknown()).nullish() }),
  }),
});

export type WithSteps =
  | { readonly kind: 'ok'; readonly header: unknown }
  | { readonly kind: 'wrong'; readonly message: string; readonly path: string };

/**
 * A header whose plan names a strategy, as a Plan document does, with the steps of that strategy. Steps that are written out
 * are what was recorded, and go first.
 */
export function withStrategySteps(header: unknown, { shipped, stored }: StrategyLibrary): WithSteps {
  const read = Named.safeParse(header);
  if (!read.success) return { kind: 'ok', header };
  const { plan } = read.data;
  const { use, with: given } = plan.strategy;
  if (plan.steps != null || plan.strategy.steps != null) return { kind: 'ok', header };
  const known = new Map([...shipped, ...stored].map((one) => [one.name, one.spec]));
  const spec = StrategyGrammar.safeParse(known.get(use));
  if (!spec.success) {
    const names = [...known.keys()];
    const message = `there is no strategy "${use.slice(0, 80)}".${didYouMean(use, names)} Known: ${names.join(', ')}`;
    return { kind: 'wrong', message, path: 'plan.strategy.use' };
  }
  const { steps, errors } = expandStrategy(spec.data, given ?? {});
  const [error] = errors;
  if (error !== undefined) return { kind: 'wrong', message: error.message, path: `plan.strategy.${error.path}` };
  return { kind: 'ok', header: { ...read.data, plan: { ...plan, strategy: { ...plan.strategy, steps } } } };
}
