import { z } from 'zod';
import { type Buckets, bucketQuantile, slowerThan } from '../statistics/buckets.ts';
import { badEvents } from '../statistics/stratum.ts';
import { logWeightedMean } from '../statistics/tilt.ts';
import { startTiltTest, updateTiltTest } from '../statistics/tilt-test.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { count, listOf, positive, side, testFields } from './input-fields.ts';

const cumulative = listOf(count)
  .min(2, 'expected one count per edge and one for +Inf')
  .refine(rises, 'cumulative counts do not fall');

const Exceedance = z
  .object({
    ...testFields,
    side: side.default(1),
    rho: positive.default(1),
    le: listOf(positive).min(1).refine(strictlyRises, 'edges rise'),
    canaryCumulative: cumulative,
    baselineCumulative: cumulative,
    edgesUsed: listOf(positive).min(1),
    edgeWeights: listOf(positive).optional(),
  })
  .superRefine(({ le, canaryCumulative, baselineCumulative, edgesUsed, edgeWeights }, ctx) => {
    const wrong = (path: string, message: string) => ctx.addIssue({ code: 'custom', path: [path], message });
    if (canaryCumulative.length !== le.length + 1) wrong('canaryCumulative', 'expected one count per edge and +Inf');
    if (baselineCumulative.length !== le.length + 1)
      wrong('baselineCumulative', 'expected one count per edge and +Inf');
    if (!edgesUsed.every((edge) => le.includes(edge))) wrong('edgesUsed', 'the histogram has no such edge');
    if (edgeWeights !== undefined && edgeWeights.length !== edgesUsed.length)
      wrong('edgeWeights', 'expected one weight per edge used');
  });

export const LATENCY_GROUPS: readonly Evaluator[] = [
  evaluator('latency', 'latency_exceedance', Exceedance, exceedance),
];

function exceedance(input: z.infer<typeof Exceedance>) {
  const canary: Buckets = { edges: input.le, cumulative: input.canaryCumulative };
  const stable: Buckets = { edges: input.le, cumulative: input.baselineCumulative };
  const exceedCanary = input.edgesUsed.map((edge) => slowerThan(canary, edge) ?? 0);
  const exceedBaseline = input.edgesUsed.map((edge) => slowerThan(stable, edge) ?? 0);
  const spec = { ratio: input.rho, side: input.side, starts: input.starts, clip: input.clip };
  const logEPerEdge = exceedCanary.map((canaryBad, index) => {
    const stratum = badEvents({
      canaryBad,
      stableBad: exceedBaseline[index] ?? 0,
      canary: canary.cumulative.at(-1) ?? 0,
      stable: stable.cumulative.at(-1) ?? 0,
    });
    return updateTiltTest(spec, startTiltTest(spec), [stratum], input.phi).logE;
  });
  const weightOf = (index: number) => input.edgeWeights?.[index] ?? 1 / logEPerEdge.length;
  return {
    exceedCanary,
    exceedBaseline,
    logEPerEdge,
    logEMean: logWeightedMean(logEPerEdge.map((logE, index) => ({ weight: weightOf(index), logE }))),
    p99Canary: bucketQuantile(canary, 0.99),
    p99Baseline: bucketQuantile(stable, 0.99),
    p95Baseline: bucketQuantile(stable, 0.95),
  };
}

function rises(counts: readonly number[]): boolean {
  return counts.every((value, index) => value >= (counts[index - 1] ?? 0));
}

function strictlyRises(edges: readonly number[]): boolean {
  return edges.every((edge, index) => edge > (edges[index - 1] ?? 0));
}
