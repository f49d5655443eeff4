import type { AnalysisSpec } from '../model/analysis-spec.ts';
import { formatDuration } from '../model/duration.ts';
import { type ArmCounts, errorCounts, slowCounts } from './arm-counts.ts';
import type { Increment } from './increments.ts';
import type { Verdict } from './judge.ts';
import { judgeShare } from './judge-share.ts';
import type { Gap } from './sample-health.ts';
import { inconclusive } from './with-queries.ts';

/** Fewer requests of the canary pass nothing. */
export const DEFAULT_MIN_REQUESTS = 200;

export type LimitedSpec = Extract<AnalysisSpec, { kind: 'error-rate' | 'latency' }>;

/** What a share is made of; `edgeMs`: of a latency, the edge of the histogram that stood for its objective. */
export type LimitedCounts =
  | {
      readonly kind: 'ok';
      readonly canary: ArmCounts;
      readonly stable: ArmCounts | null;
      readonly edgeMs: number | null;
    }
  | { readonly kind: 'unmeasurable' };

const NOTHING: ArmCounts = { bad: 0, requests: 0 };
export const NOTHING_COUNTED: LimitedCounts = { kind: 'ok', canary: NOTHING, stable: NOTHING, edgeMs: null };

/** `stable` is `null` where nothing is. */
export function countLimited(
  spec: LimitedSpec,
  grown: readonly Increment[],
  arms: { readonly stable: string | null; readonly canary: string },
): LimitedCounts {
  const { stable, canary } = arms;
  if (spec.kind === 'error-rate') {
    const count = (cluster: string) => errorCounts(grown, cluster, spec.count);
    return { kind: 'ok', canary: count(canary), stable: stable === null ? null : count(stable), edgeMs: null };
  }
  const { objectiveMs } = spec;
  if (objectiveMs === null) return NOTHING_COUNTED;
  const own = slowCounts(grown, canary, objectiveMs);
  if (own.kind === 'unmeasurable') return own;
  const base = stable === null ? null : slowCounts(grown, stable, objectiveMs);
  return { ...own, canary: own.counts, stable: base?.kind === 'ok' ? base.counts : null };
}

/** Of one stretch and the next. */
export function addLimited(a: LimitedCounts, b: LimitedCounts): LimitedCounts {
  if (a.kind === 'unmeasurable' || b.kind === 'unmeasurable') return { kind: 'unmeasurable' };
  const stable = a.stable === null || b.stable === null ? null : both(a.stable, b.stable);
  const edgeMs = a.edgeMs === null && b.edgeMs === null ? null : Math.max(a.edgeMs ?? 0, b.edgeMs ?? 0);
  return { kind: 'ok', canary: both(a.canary, b.canary), stable, edgeMs };
}

export function judgeLimited(spec: LimitedSpec, counts: LimitedCounts, thin: Gap | null): Verdict {
  const { name: metric, max, relative = null } = spec;
  const minRequests = spec.minRequests ?? DEFAULT_MIN_REQUESTS;
  if (spec.kind === 'latency' && spec.objectiveMs === null) return unlimited(metric);
  if (counts.kind === 'unmeasurable') {
    const objective = formatDuration(spec.kind === 'latency' ? (spec.objectiveMs ?? 0) : 0);
    return missing(spec, { gap: 'NO_DATA', detail: `Envoy's histogram has no edge at or above ${objective}` });
  }
  const bad =
    spec.kind === 'error-rate'
      ? 'failed'
      : `took over ${formatDuration(counts.edgeMs ?? spec.objectiveMs ?? 0)} or timed out`;
  return judgeShare({ metric, max, minRequests, relative, bad }, counts.canary, counts.stable, thin);
}

/** Where both arms have traffic such a latency is compared with stable's; alone it has nothing to be held against. */
function unlimited(metric: string): Verdict {
  return { ...inconclusive(metric, 'OK', 'there is no objective to hold it against'), verdict: 'pass' };
}

export function missing(spec: LimitedSpec, { gap, detail }: Gap): Verdict {
  return { ...inconclusive(spec.name, gap, detail), limit: { min: null, max: spec.max } };
}

function both(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { bad: a.bad + b.bad, requests: a.requests + b.requests };
}
