import type { RelativeLimit } from '../../model/analysis-spec.ts';
import type { ArmCounts } from '../arm-counts.ts';

/** `none`: nothing to measure. `inconclusive`: measured, but on too few requests. */
export type CheckResult = 'pass' | 'fail' | 'inconclusive' | 'none';

export interface Check {
  readonly metric: string;
  readonly result: CheckResult;
  /** One sentence part for people. */
  readonly detail: string;
}

export interface ShareLimits {
  readonly metric: string;
  readonly min: number | null;
  readonly max: number | null;
  readonly relative: RelativeLimit | null;
  /** Fewer requests than this say nothing; 0: any number does, but none. */
  readonly minRequests: number;
}

/** What both arms did in one window; `null`: not seen. */
export interface Measured {
  readonly canary: ArmCounts | null;
  readonly stable: ArmCounts | null;
}

/** One share of bad requests against its limits, all inclusive. */
export function checkShare(limits: ShareLimits, { canary, stable }: Measured): Check {
  const { metric, minRequests } = limits;
  if (canary === null || (canary.requests === 0 && minRequests === 0)) {
    return { metric, result: 'none', detail: 'no request to the canary' };
  }
  if (canary.requests < minRequests) {
    return { metric, result: 'inconclusive', detail: `${canary.requests} of ${minRequests} requests` };
  }
  const base = stable === null || stable.requests === 0 ? null : stable.bad / stable.requests;
  return checkValue(limits, canary.bad / canary.requests, base);
}

/** A value against its limits; `null`: there is none. NaN lies within nothing. */
export function checkValue(
  { metric, min, max, relative }: Omit<ShareLimits, 'minRequests'>,
  value: number | null,
  baseline: number | null,
): Check {
  if (value === null || Number.isNaN(value)) return { metric, result: 'none', detail: 'no value' };
  if (max !== null && value > max) return { metric, result: 'fail', detail: `${short(value)} is above ${short(max)}` };
  if (min !== null && value < min) return { metric, result: 'fail', detail: `${short(value)} is below ${short(min)}` };
  if (relative === null) return { metric, result: 'pass', detail: `${short(value)} is within its limits` };
  if (baseline === null || Number.isNaN(baseline)) return { metric, result: 'none', detail: 'stable has no value' };
  const limit = baseline * relative.factor + relative.offset;
  const words = `${short(value)}, stable ${short(baseline)} allows ${short(limit)}`;
  return { metric, result: value > limit ? 'fail' : 'pass', detail: words };
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
