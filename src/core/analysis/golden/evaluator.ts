import type { z } from 'zod';

/** `at`: path below the case's `input`. */
export type Evaluated =
  | { readonly kind: 'ok'; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly at: readonly PropertyKey[]; readonly message: string };

/** Turns the input of a group into what a table would expect. */
export interface Evaluator {
  /** Groups of this name; another name is served by the judge it gives, if its input fits. */
  readonly group: string;
  readonly judge: string;
  readonly evaluate: (input: unknown) => Evaluated;
}

/** The work runs on checked input only, so that it has no reason to fail. */
export function evaluator<T>(
  judge: string,
  group: string,
  grammar: z.ZodType<T>,
  work: (input: T) => unknown,
): Evaluator {
  return {
    group,
    judge,
    evaluate: (input) => {
      const parsed = grammar.safeParse(input);
      if (parsed.success) return { kind: 'ok', value: work(parsed.data) };
      const issue = parsed.error.issues[0];
      return { kind: 'invalid', at: issue?.path ?? [], message: issue?.message ?? 'not understood' };
    },
  };
}
