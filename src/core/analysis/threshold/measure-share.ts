import type { AnalysisSpec } from '../../model/analysis-spec.ts';
import { type ArmCounts, errorCounts, slowCounts } from '../arm-counts.ts';
import type { Increment } from '../increments.ts';
import type { Measured } from './check-share.ts';

export type ShareSpec = Exclude<AnalysisSpec, { kind: 'query' }>;

/** What one analysis sees in this growth; `''`: there is no such arm. */
export function measureShare(
  spec: ShareSpec,
  grown: readonly Increment[],
  arms: { readonly stable: string; readonly canary: string },
): Measured {
  const count = (cluster: string): ArmCounts | null => {
    if (cluster === '') return null;
    if (spec.kind === 'error-rate') return errorCounts(grown, cluster, spec.count);
    const slow = slowCounts(grown, cluster, spec.objectiveMs ?? Number.POSITIVE_INFINITY);
    return slow.kind === 'ok' ? slow.counts : null;
  };
  return { canary: count(arms.canary), stable: count(arms.stable) };
}
