import { z } from 'zod';
import { rateDifference } from '../statistics/ab-readout.ts';
import { detectionLimits } from '../statistics/limits.ts';
import { powerGained, powerOf } from '../statistics/power-gate.ts';
import { probabilityBetter } from '../statistics/probability-better.ts';
import { NO_RATIO, rateRatioInterval, updateRateRatio } from '../statistics/rate-ratio-interval.ts';
import { type Evaluator, evaluator } from './evaluator.ts';
import { count, dispersionFactor, positive, probability, rate, whole } from './input-fields.ts';

/** The sum over successes has one term each. */
const MOST_USERS = 1e7;

const arm = z
  .tuple([whole.max(MOST_USERS), whole.min(1).max(MOST_USERS)], 'expected [successes, users]')
  .refine(([successes, users]) => successes <= users, 'more successes than users')
  .transform(([successes, users]) => ({ successes, users }));

const Ab = z.object({
  control: arm,
  variant: arm,
  alpha: probability.default(0.05),
  nStar: positive.default(5000),
  w: probability.default(0.5),
});

const Power = z.object({
  nc: count,
  nb: count,
  baselineRate: rate,
  mde: positive.default(5),
  rho: positive.default(1.25),
  phi: dispersionFactor.default(1),
});

const Limits = z
  .object({ baselineRate: probability, canaryRate: probability, w: probability, alpha: probability })
  .refine(({ baselineRate, canaryRate }) => baselineRate !== canaryRate, 'equal rates are never told apart');

export const READOUT_GROUPS: readonly Evaluator[] = [
  evaluator('ab-readout', 'ab', Ab, ({ control, variant, alpha, nStar, w }) => {
    const rates = rateDifference(control, variant, { alpha, tightAt: nStar });
    const successes = control.successes + variant.successes;
    const seen = updateRateRatio(NO_RATIO, [{ x: variant.successes, n: successes, w }], 1);
    const ratio = rateRatioInterval(seen, alpha);
    return {
      probVariantBetter: probabilityBetter(control, variant),
      diff: rates.difference,
      se: rates.standardError,
      asymptoticCs95: [rates.anytime.low, rates.anytime.high],
      fixedCi95: [rates.fixed.low, rates.fixed.high],
      rateRatioCs95: [ratio.low, ratio.high],
    };
  }),
  evaluator('power-gate', 'power_gain', Power, ({ nc, nb, baselineRate, mde, rho, phi }) =>
    powerGained(powerOf(nc, nb, { detectable: mde, ratio: rho }), baselineRate, phi),
  ),
  evaluator('benchmark-limits', 'wald_limits_alpha_0.01', Limits, ({ baselineRate, canaryRate, w, alpha }) =>
    detectionLimits(baselineRate, canaryRate, w, alpha),
  ),
];
