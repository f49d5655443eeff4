import { z } from 'zod';
import { COMBINATION_GROUPS } from './combination-groups.ts';
import { COMPARISON_GROUPS } from './comparison-groups.ts';
import { COUNTER_GROUPS } from './counter-groups.ts';
import { DISPERSION_GROUPS } from './dispersion-groups.ts';
import type { Evaluated, Evaluator } from './evaluator.ts';
import { MOST_ROWS } from './input-fields.ts';
import { KAYENTA_GROUPS } from './kayenta-groups.ts';
import { KERNEL_GROUPS } from './kernel-groups.ts';
import { LATENCY_GROUPS } from './latency-groups.ts';
import { READOUT_GROUPS } from './readout-groups.ts';
import { SHARE_GROUPS } from './share-groups.ts';
import { THRESHOLD_GROUPS } from './threshold-groups.ts';

const EVALUATORS: readonly Evaluator[] = [
  ...KERNEL_GROUPS,
  ...COMPARISON_GROUPS,
  ...DISPERSION_GROUPS,
  ...LATENCY_GROUPS,
  ...SHARE_GROUPS,
  ...COMBINATION_GROUPS,
  ...COUNTER_GROUPS,
  ...READOUT_GROUPS,
  ...KAYENTA_GROUPS,
  ...THRESHOLD_GROUPS,
];

const Case = z.object({ input: z.unknown().optional() }, 'expected a case with its input');
const Group = z.object(
  { judge: z.string().optional(), input: z.unknown().optional(), cases: z.array(Case).max(MOST_ROWS).optional() },
  'expected a group',
);
type Group = z.infer<typeof Group>;

/** A table of inputs in, the same groups with what the judges make of them out. */
export const GoldenTable = z
  .object(
    { groups: z.record(z.string(), Group, 'expected groups by name') },
    'expected an object with the groups of a table',
  )
  .transform(({ groups }, ctx) => {
    const values = Object.entries(groups).map(([name, group]): [string, unknown] => {
      const answer = (input: unknown, at: readonly PropertyKey[]): unknown => {
        const evaluated = evaluate(name, group, input);
        if (evaluated.kind === 'ok') return evaluated.value;
        ctx.addIssue({ code: 'custom', path: ['groups', name, ...at, ...evaluated.at], message: evaluated.message });
        return null;
      };
      const { cases } = group;
      if (cases === undefined) return [name, answer(group.input, ['input'])];
      return [name, cases.map(({ input }, index) => answer(input, ['cases', index, 'input']))];
    });
    return { groups: Object.fromEntries(values) };
  });

function evaluate(name: string, { judge }: Group, input: unknown): Evaluated {
  if (input === undefined) return { kind: 'invalid', at: [], message: 'the input is missing' };
  const named = EVALUATORS.find(({ group }) => group === name);
  if (named !== undefined) return named.evaluate(input);
  const others = EVALUATORS.filter((one) => one.judge === judge).map((one) => one.evaluate(input));
  const fitting = others.find(({ kind }) => kind === 'ok');
  const unknown = `no group is called "${name.slice(0, 80)}", and no judge named by it takes this input`;
  return fitting ?? { kind: 'invalid', at: [], message: unknown };
}
