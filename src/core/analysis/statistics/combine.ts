import { addClipped, type ClippedSum } from './clipped-sum.ts';
import { logWeightedMean } from './tilt.ts';

/** One metric's share in the common decision and its evidence before any clip. */
export interface Evidence {
  readonly name: string;
  readonly weight: number;
  readonly raw: number;
}

/** `cause`: the metric that contributes most. */
export interface Combined extends ClippedSum {
  readonly cause: string;
}

/** A sum of evidence that reached its limit by exact clips must not miss it by a rounding. */
const ROUNDING = 1e-9;

/**
 * The weighted mean of e-values is an e-value whatever their dependence, so no correction for several metrics is
 * needed. It is built from what the metrics really gained; the clip then holds for the sum.
 */
export function combineEvidence(before: ClippedSum, evidence: readonly Evidence[], clip: number): Combined {
  const total = evidence.reduce((sum, { weight }) => sum + weight, 0);
  if (!(total <= 1 + 1e-9)) throw new RangeError(`weights of metrics sum to ${total}`);
  const first = evidence[0];
  if (first === undefined) throw new RangeError('no metric to combine');
  const parts = evidence.map(({ weight, raw }) => ({ weight, logE: raw }));
  const strength = ({ weight, raw }: Evidence) => Math.log(weight) + raw;
  const cause = evidence.reduce((most, one) => (strength(one) > strength(most) ? one : most), first);
  return { ...addClipped(before, logWeightedMean(parts), clip), cause: cause.name };
}

/** Per tick the sum may rise by this much: with `scrapes` 2 one scrape can never roll back, two can. */
export function clipFor(alpha: number, scrapes: number): number {
  return Math.log(1 / alpha) / scrapes;
}

export function rejects(logE: number, alpha: number): boolean {
  return logE >= Math.log(1 / alpha) - ROUNDING;
}
