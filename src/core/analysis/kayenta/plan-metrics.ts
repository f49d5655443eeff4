import type { KayentaSpec } from '../../model/kayenta-spec.ts';
import { normalQuantile } from '../statistics/normal-quantile.ts';
import { KAYENTA_DEFAULTS, type KayentaMetric } from './classify.ts';

/** What a plan asks of one of its shares of bad requests: more of them is worse, fewer are not. */
export function kayentaMetric(name: string, spec: KayentaSpec): KayentaMetric {
  const { measure, allowedIncrease, criticalIncrease } = spec.effectSize;
  return {
    ...KAYENTA_DEFAULTS,
    name,
    nanStrategy: spec.nanStrategy,
    removeOutliers: spec.outliers === 'remove',
    outlierFactor: spec.outlierFactor,
    critical: spec.critical.includes(name),
    mustHaveData: spec.mustHaveData.includes(name),
    tolerance: spec.tolerance,
    confidence: spec.confidence,
    scaleTolerance: spec.scaleTolerance,
    effect: measure,
    allowed: { ...KAYENTA_DEFAULTS.allowed, increase: allowedIncrease },
    criticalLimits: { ...KAYENTA_DEFAULTS.criticalLimits, increase: criticalIncrease },
  };
}

/**
 * So many samples of each arm it takes until any difference at all is beyond chance: the rank sum of two arms of which
 * one lies wholly above the other. With fewer the ends of the interval are those of the samples themselves, and it has no
 * confidence.
 */
export function leastSamples(confidence: number): number {
  const z = -normalQuantile((1 - confidence) / 2);
  let n = 1;
  while ((n * n - 1) / 2 < z * n * Math.sqrt((2 * n + 1) / 12)) n += 1;
  return n;
}
