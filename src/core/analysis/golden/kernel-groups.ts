import { z } from 'zod';
import { tilt } from '../statistics/tilt.ts';
import { allowedShare } from '../statistics/tilt-test.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { count, listOf, number, positive, probability, side } from './input-fields.ts';

const Kernel = z.object({ x: count, n: count, q: number, d: number.min(-700).max(700) });

const Grid = z
  .object({
    baselineRate: listOf(probability).min(1),
    rateRatio: listOf(positive).min(1),
    requests_nc_nb: listOf(z.tuple([count, count], 'expected [nc, nb]')).min(1),
    side: listOf(side).min(1),
    offsets: listOf(positive.max(700)).min(1),
  })
  .refine(
    ({ baselineRate, rateRatio }) => baselineRate.some((p) => rateRatio.some((r) => p * r <= 1)),
    'no rate ratio leaves the canary a rate of at most 1',
  );

export const KERNEL_GROUPS: readonly Evaluator[] = [
  evaluator('tilt', 'tilt_kernel', Kernel, ({ x, n, q, d }) => tilt(x, n, q, d)),
  evaluator('tilt', 'null_expectation_max', Grid, (grid) => ({ max: highestExpectation(grid) })),
];

/** Largest expectation of one tick's e-value on the edge of the null; rates above 1 do not exist and are left out. */
function highestExpectation(grid: z.infer<typeof Grid>): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const baseline of grid.baselineRate) {
    for (const ratio of grid.rateRatio.filter((one) => baseline * one <= 1)) {
      for (const [canary, stable] of grid.requests_nc_nb) {
        for (const direction of grid.side) {
          for (const offset of grid.offsets) {
            const q = allowedShare(canary / (canary + stable), ratio);
            highest = Math.max(
              highest,
              Math.exp(logExpectation(baseline, ratio, canary, stable, q, direction * offset)),
            );
          }
        }
      }
    }
  }
  return highest;
}

function logExpectation(baseline: number, ratio: number, canary: number, stable: number, q: number, d: number): number {
  if (canary === 0 || stable === 0) return 0;
  const norm = 1 + q * Math.expm1(d);
  const ofCanary = canary * Math.log1p(baseline * ratio * (Math.exp(d) / norm - 1));
  return ofCanary + stable * Math.log1p(baseline * (1 / norm - 1));
}
