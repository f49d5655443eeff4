import { z } from 'zod';
import { addClipped, NO_EVIDENCE } from '../statistics/clipped-sum.ts';
import { type Combined, clipFor, combineEvidence, rejects } from '../statistics/combine.ts';
import { badEvents } from '../statistics/stratum.ts';
import { logWeightedMean } from '../statistics/tilt.ts';
import { startTiltTest, updateTiltTest } from '../statistics/tilt-test.ts';
import { pairedDispersion, pairsOf } from './dispersion-groups.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { clip, count, listOf, number, positive, probability, testFields, total } from './input-fields.ts';

const Clipped = z.object({ rawLogE: listOf(number), clip, alpha: probability });

const counts = listOf(count);

/** Any number of edges; each row has as many as the first. */
const Trace = z
  .object({
    history_bad_total_exc250_exc500_exc1000: listOf(counts.min(3, 'expected [bad, total, slow…]')),
    rho: positive.default(1.25),
    starts: testFields.starts,
    weights_errors_latency: z
      .tuple([positive, positive], 'expected [errors, latency]')
      .refine((weights) => total(weights) <= 1 + 1e-9, 'weights sum to more than 1'),
    alpha: probability,
    m: positive,
    ticks_nc_nb_xc_xb_excCanary_excBaseline: listOf(
      z.tuple([count, count, count, count, counts, counts], 'expected [nc, nb, xc, xb, [canary…], [baseline…]]'),
    ).min(1),
  })
  .superRefine((input, ctx) => {
    const edges = input.ticks_nc_nb_xc_xb_excCanary_excBaseline[0]?.[4].length ?? 0;
    const wrong = (path: PropertyKey[], message: string) => ctx.addIssue({ code: 'custom', path, message });
    if (edges === 0) wrong(['ticks_nc_nb_xc_xb_excCanary_excBaseline', 0], 'expected at least one edge');
    input.ticks_nc_nb_xc_xb_excCanary_excBaseline.forEach((row, index) => {
      if (row[4].length !== edges || row[5].length !== edges)
        wrong(['ticks_nc_nb_xc_xb_excCanary_excBaseline', index], `expected ${edges} edges per arm`);
    });
    input.history_bad_total_exc250_exc500_exc1000.forEach((row, index) => {
      if (row.length !== edges + 2)
        wrong(['history_bad_total_exc250_exc500_exc1000', index], `expected bad, total and ${edges} edges`);
    });
  });

export const COMBINATION_GROUPS: readonly Evaluator[] = [
  evaluator('combination', 'decision_trace', Trace, decisionTrace),
  evaluator('combination', 'clip_losses_eat_excess', Clipped, (input) => {
    let sum = NO_EVIDENCE;
    const logE = input.rawLogE.map((raw) => {
      sum = addClipped(sum, raw, input.clip);
      return sum.logE;
    });
    return { logE, firstRollbackIndex: indexOrNull(logE.findIndex((value) => rejects(value, input.alpha))) };
  }),
];

/** History, errors and edges, restarts and the clipped combination, tick by tick. */
function decisionTrace(input: z.infer<typeof Trace>) {
  const rows = input.ticks_nc_nb_xc_xb_excCanary_excBaseline;
  const edges = (rows[0]?.[4] ?? []).map((_, index) => index);
  const phiOf = (column: number) => dispersionOf(input.history_bad_total_exc250_exc500_exc1000, column);
  const phiErrors = phiOf(0);
  const phiLatency = edges.map((edge) => phiOf(2 + edge));
  const spec = { ratio: input.rho, side: 1 as const, starts: input.starts, clip: Number.POSITIVE_INFINITY };
  let errors = startTiltTest(spec);
  let slow = edges.map(() => startTiltTest(spec));
  let combined: Omit<Combined, 'cause'> = NO_EVIDENCE;
  const [ofErrors, ofLatency] = input.weights_errors_latency;
  const trace = rows.map(([canary, stable, canaryBad, stableBad, slowCanary, slowStable]) => {
    errors = updateTiltTest(spec, errors, [badEvents({ canaryBad, stableBad, canary, stable })], phiErrors);
    slow = slow.map((state, edge) => {
      const pair = { canaryBad: slowCanary[edge] ?? 0, stableBad: slowStable[edge] ?? 0, canary, stable };
      return updateTiltTest(spec, state, [badEvents(pair)], phiLatency[edge] ?? 1);
    });
    const latency = logWeightedMean(slow.map(({ raw }) => ({ weight: 1 / slow.length, logE: raw })));
    const evidence = [
      { name: 'errors', weight: ofErrors, raw: errors.raw },
      { name: 'latency', weight: ofLatency, raw: latency },
    ];
    combined = combineEvidence(combined, evidence, clipFor(input.alpha, input.m));
    const { logE } = combined;
    return { logE_errors: errors.raw, logE_latency: latency, logE, rollback: rejects(logE, input.alpha) };
  });
  const rollbackTickIndex = indexOrNull(trace.findIndex(({ rollback }) => rollback));
  return { phiErrors, phiLatency, trace, rollbackTickIndex };
}

function dispersionOf(history: readonly (readonly number[])[], column: number): number {
  return pairedDispersion(pairsOf(history.map((row) => ({ bad: row[column] ?? 0, total: row[1] ?? 0 }))));
}

function indexOrNull(index: number): number | null {
  return index === -1 ? null : index;
}
