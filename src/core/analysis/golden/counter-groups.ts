import { z } from 'zod';
import { jointIncrements } from '../statistics/joint-increments.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { count } from './input-fields.ts';

const Counters = z.object({ nc: count, nb: count, xc: count, xb: count });
const Scrapes = z.object({ prev: Counters, cur: Counters });

export const COUNTER_GROUPS: readonly Evaluator[] = [
  evaluator('counters', 'stratum_joint_reset', Scrapes, ({ prev, cur }) => {
    const { nc, nb, xc, xb } = jointIncrements(prev, cur);
    return { nc, nb, xc: Math.min(xc, nc), xb: Math.min(xb, nb) };
  }),
];
