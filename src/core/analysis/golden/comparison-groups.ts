import { z } from 'zod';
import { againstLimit } from '../statistics/absolute-test.ts';
import { NO_RATIO, rateRatioInterval, updateRateRatio } from '../statistics/rate-ratio-interval.ts';
import { startShareBet, updateShareBet } from '../statistics/share-bet.ts';
import { badEvents, type Stratum } from '../statistics/stratum.ts';
import { startTiltTest, updateTiltTest } from '../statistics/tilt-test.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import {
  armPair,
  count,
  dispersionFactor,
  listOf,
  MOST_ROWS,
  positive,
  probability,
  rate,
  side,
  type TestFields,
  testFields,
  whole,
} from './input-fields.ts';

const ratio = positive.default(1);
const forHarm = { ...testFields, side: side.default(1), rho: ratio };
const ticks_xc_xb_nc_nb = listOf(armPair);

const Ticks = z.object({ ...forHarm, ticks_xc_xb_nc_nb });

const ZeroBaseline = z.object({
  ...forHarm,
  canaryErrors: listOf(count),
  baselineErrors: count,
  nc: count,
  nb: count,
});

const Betting = z.object({
  rho: ratio,
  kappa: listOf(positive).min(1),
  fMax: rate.refine((value) => value < 1, 'a stake of 1 can lose everything'),
  ticks_xc_xb_nc_nb,
});

const Absolute = z
  .object({ ...testFields, side: side.default(1), p0: probability, x: count, n: count })
  .refine(({ x, n }) => x <= n, 'x is above n');

const Repeated = z.object({
  ...testFields,
  side: side.default(-1),
  rho: ratio,
  tick_xc_xb_nc_nb: armPair,
  ticks: whole.max(MOST_ROWS),
});

const Interval = z.object({ alpha: probability, phi: dispersionFactor.default(1), ticks_xc_xb_nc_nb });

const acceptAt = Math.log(20);
const rejectAt = Math.log(100);

export const COMPARISON_GROUPS: readonly Evaluator[] = [
  evaluator('error-rate', 'errors_time_varying_split', Ticks, (input) => {
    const logE = trace(input, input.rho, input.ticks_xc_xb_nc_nb);
    return { logE, finalE: Math.exp(logE.at(-1) ?? 0) };
  }),
  ...['errors_margin_1.25', 'zero_baseline_burst_clipped'].map((group) =>
    evaluator('error-rate', group, Ticks, (input) => ({ logE: trace(input, input.rho, input.ticks_xc_xb_nc_nb) })),
  ),
  evaluator('error-rate', 'zero_baseline_errors_w5', ZeroBaseline, zeroBaseline),
  evaluator('share-bet', 'errors_share_betting', Betting, bet),
  evaluator('absolute', 'absolute_floor_p0_0.001', Absolute, (input) => ({
    logE: trace(input, 1, [againstLimit(input.x, input.n, input.p0)])[0],
  })),
  evaluator('non-inferiority', 'noninferior_ratio2', Repeated, (input) => {
    const logE = trace(input, input.rho, new Array<Stratum>(input.ticks).fill(input.tick_xc_xb_nc_nb));
    return { logE, firstTickIndexWithEAtLeast20: firstIndex(logE, acceptAt) };
  }),
  evaluator('rate-ratio-cs', 'rate_ratio_cs_95', Interval, intervals),
];

/** ln E after each tick of one stratum. */
function trace(fields: TestFields, margin: number, strata: readonly Stratum[]): number[] {
  const spec = { ratio: margin, side: fields.side, starts: fields.starts, clip: fields.clip };
  let state = startTiltTest(spec);
  return strata.map((stratum) => {
    state = updateTiltTest(spec, state, [stratum], fields.phi);
    return state.logE;
  });
}

function firstIndex(logE: readonly number[], limit: number): number | null {
  const index = logE.findIndex((value) => value >= limit);
  return index === -1 ? null : index;
}

function zeroBaseline(input: z.infer<typeof ZeroBaseline>) {
  const logE = input.canaryErrors.map((canaryBad) => {
    const stratum = badEvents({ canaryBad, stableBad: input.baselineErrors, canary: input.nc, stable: input.nb });
    return trace(input, input.rho, [stratum])[0] ?? 0;
  });
  const first = firstIndex(logE, rejectAt);
  return { logE, firstErrorCountWithEAtLeast100: first === null ? null : input.canaryErrors[first] };
}

function bet(input: z.infer<typeof Betting>) {
  const spec = { ratio: input.rho, fractions: input.kappa, highestStake: input.fMax };
  let state = startShareBet(spec);
  const logE = input.ticks_xc_xb_nc_nb.map((stratum) => {
    state = updateShareBet(spec, state, [stratum]);
    return state.logE;
  });
  return { logE };
}

function intervals(input: z.infer<typeof Interval>) {
  let state = NO_RATIO;
  const seen = input.ticks_xc_xb_nc_nb.map((stratum) => {
    state = updateRateRatio(state, [stratum], input.phi);
    const { low, high } = rateRatioInterval(state, input.alpha);
    return [low, high];
  });
  return { intervals: seen };
}
