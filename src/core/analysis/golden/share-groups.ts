import { z } from 'zod';
import { logMultinomialBayes } from '../statistics/log-gamma.ts';
import {
  armsEvidence,
  SHARE_TOLERANCE,
  shareEvidence,
  startShareTest,
  updateShareTest,
} from '../statistics/share-test.ts';
import { FROM_THE_START } from '../statistics/tilt-test.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { count, listOf, number, positive, probability, total } from './input-fields.ts';

const Split = z
  .object({
    canary: count,
    total: count,
    w: probability,
    tolerance: number.refine((value) => value >= 1, 'a tolerance is a ratio of at least 1').default(SHARE_TOLERANCE),
  })
  .refine(({ canary, total: all }) => canary <= all, 'the canary has more requests than there are');

const Arms = z
  .object({ counts: listOf(count).min(1), shares: listOf(probability), concentration: positive.default(10_000) })
  .refine(({ counts, shares }) => counts.length === shares.length, 'expected one share per count')
  .refine(({ shares }) => Math.abs(total(shares) - 1) < 1e-6, 'shares sum to 1');

const BetaBinomial = z
  .object({ x: count, n: count, q: probability, a: positive, b: positive })
  .refine(({ x, n }) => x <= n, 'x is above n');

export const SHARE_GROUPS: readonly Evaluator[] = [
  evaluator('srm', 'srm_tolerance_10pct', Split, (input) => {
    const spec = { tolerance: input.tolerance, starts: FROM_THE_START };
    const seen = [{ x: input.canary, n: input.total, w: input.w }];
    const { up, down } = updateShareTest(spec, startShareTest(spec), seen);
    return { up: up.logE, down: down.logE, logE: shareEvidence({ up, down }) };
  }),
  evaluator('srm', 'srm_dirichlet', Arms, (input) => armsEvidence(input.counts, input.shares, input.concentration)),
  evaluator('reference', 'betabin_closed_form', BetaBinomial, ({ x, n, q, a, b }) =>
    logMultinomialBayes([x, n - x], [q, 1 - q], [a, b]),
  ),
];
