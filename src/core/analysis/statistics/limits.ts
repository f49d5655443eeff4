import { divergence } from './power-gate.ts';

/** What a test needs that knows the rates it looks for: no judge can do with less on average. */
export interface DetectionLimits {
  readonly canaryRequests: number;
  readonly canaryErrors: number;
  /** The same where the baseline's rate is unknown and only the split of the errors tells. */
  readonly conditionalTotalErrors: number;
  readonly conditionalCanaryErrors: number;
}

/** Wald's limits for one-sided detection of `canaryRate` over `baselineRate`, overshoot ignored. */
export function detectionLimits(baselineRate: number, canaryRate: number, w: number, alpha: number): DetectionLimits {
  const needed = Math.log(1 / alpha);
  const gain = canaryRate === 0 ? 0 : canaryRate * Math.log(canaryRate / baselineRate);
  const perRequest = gain - canaryRate + baselineRate;
  const canaryRequests = needed / perRequest;
  const share = (w * canaryRate) / (w * canaryRate + (1 - w) * baselineRate);
  const conditionalTotalErrors = needed / divergence(share, w);
  return {
    canaryRequests,
    canaryErrors: canaryRequests * canaryRate,
    conditionalTotalErrors,
    conditionalCanaryErrors: conditionalTotalErrors * share,
  };
}
