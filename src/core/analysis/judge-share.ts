import type { RelativeLimit } from '../model/analysis-spec.ts';
import type { ArmCounts } from './arm-counts.ts';
import type { Verdict } from './judge.ts';
import type { Gap } from './sample-health.ts';

export interface ShareLimit {
  readonly metric: string;
  /** Largest share of bad requests, 0–1. */
  readonly max: number;
  readonly minRequests: number;
  readonly relative: RelativeLimit | null;
  /** What a bad request did: `failed`, `took longer than 250 ms or timed out`. */
  readonly bad: string;
}

/** A canary at most so many times as bad as stable shares stable's incident. */
const SHARED_INCIDENT_RATIO = 2;

/**
 * A share of bad requests against its limit. It fails before `minRequests` exactly when it can no longer pass there:
 * even if every request still missing were good. So a few unlucky first requests fail nothing that could recover,
 * and a few lucky ones pass nothing.
 */
export function judgeShare(limit: ShareLimit, canary: ArmCounts, stable: ArmCounts | null, thin: Gap | null): Verdict {
  const { metric, max, minRequests } = limit;
  const seen = {
    metric,
    value: share(canary),
    baseline: stable === null ? null : share(stable),
    limit: { min: null, max },
    requests: canary.requests,
    baselineRequests: stable?.requests ?? null,
  };
  const words = describe(limit, canary, stable);
  const least = canary.bad / Math.max(canary.requests, minRequests);
  if (least > max) {
    if (stable !== null && sharesIncident(limit, least, canary, stable)) {
      const detail = `${words}; stable is over the limit too, so this is no fault of the canary alone`;
      return { ...seen, verdict: 'inconclusive', reason: 'SHARED_INCIDENT', detail };
    }
    return { ...seen, verdict: 'fail', reason: 'OVER_LIMIT', detail: words };
  }
  if (thin !== null) return { ...seen, verdict: 'inconclusive', reason: thin.gap, detail: thin.detail };
  if (canary.requests < minRequests) {
    const detail = `${words}; ${minRequests} requests are needed`;
    return { ...seen, verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS', detail };
  }
  return limit.relative === null
    ? { ...seen, verdict: 'pass', reason: 'OK', detail: words }
    : { ...seen, ...judgeRelative(limit, limit.relative, canary, stable, words) };
}

/** Compared only on enough requests of both arms: a ratio of two small numbers says anything. */
function judgeRelative(
  { minRequests }: ShareLimit,
  { factor, offset }: RelativeLimit,
  canary: ArmCounts,
  stable: ArmCounts | null,
  words: string,
): Pick<Verdict, 'verdict' | 'reason' | 'detail'> {
  const [own, base] = [share(canary), stable === null ? null : share(stable)];
  if (stable === null || base === null || own === null || stable.requests < minRequests) {
    const detail = `${words}; ${minRequests} requests to stable are needed, to compare with it`;
    return { verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS', detail };
  }
  const allowed = base * factor + offset;
  if (own <= allowed) return { verdict: 'pass', reason: 'OK', detail: words };
  return { verdict: 'fail', reason: 'OVER_LIMIT', detail: `${words}; stable allows ${percent(allowed)}` };
}

/** Stable must be over the limit on enough requests; the canary is compared by the same cautious share that failed. */
function sharesIncident(
  { max, minRequests }: ShareLimit,
  least: number,
  canary: ArmCounts,
  stable: ArmCounts,
): boolean {
  const rate = share(stable);
  if (rate === null || rate <= max) return false;
  if (stable.requests < Math.min(minRequests, canary.requests)) return false;
  return least <= SHARED_INCIDENT_RATIO * rate;
}

function share({ bad, requests }: ArmCounts): number | null {
  return requests === 0 ? null : bad / requests;
}

function describe({ bad, max }: ShareLimit, canary: ArmCounts, stable: ArmCounts | null): string {
  const base = stable === null ? '' : `, stable ${percent(share(stable))} of ${stable.requests}`;
  const { bad: count, requests } = canary;
  if (requests === 0) return `no request to the canary yet (limit ${percent(max)}${base})`;
  return `${count} of ${requests} requests ${bad} (${percent(share(canary))}, limit ${percent(max)}${base})`;
}

function percent(value: number | null): string {
  return value === null ? 'none' : `${Number((value * 100).toPrecision(3))} %`;
}
