import { absoluteTest, againstLimit } from './statistics/absolute-test.ts';
import { clipFor, rejects } from './statistics/combine.ts';
import { badEvents, type Stratum } from './statistics/stratum.ts';
import { FROM_THE_START, startTiltTest, type TiltTestSpec, updateTiltTest } from './statistics/tilt-test.ts';

/** One Envoy's own count of the requests to one cluster that ended since its report before. */
export interface LoadReport {
  readonly nodeId: string;
  readonly cluster: string;
  /** When it came, epoch ms. */
  readonly atMs: number;
  readonly requests: number;
  /** Of them: answered by 5xx, reset or timed out. */
  readonly failed: number;
}

export interface Crash {
  readonly failed: number;
  readonly requests: number;
  readonly baselineFailed: number;
  readonly baselineRequests: number;
  /** Seconds that the reports span. */
  readonly seconds: number;
}

/** Looks back no further than this, ms. */
export const GUARD_WINDOW_MS = 30_000;
/** Reports of one such stretch are one look, ms. */
const LOOK_MS = 1_000;
/** A crash, that is: more than a fifth of the canary's requests fail, and they fail more than five times as often. */
export const CRASH_SHARE = 0.2;
const CRASH_RATIO = 5;
/** Stricter than the judge of record, which alone sees bursts for what they are. */
export const ALPHA = 1e-4;
/** Failures come in bursts of about this size at the worst: what they tell counts for so much less. */
const DISPERSION = 4;

/**
 * Does the canary crash, by what Envoys report themselves? Both must be beyond doubt: that it fails often, and that
 * stable does not, on the same Envoys in the same seconds. One second can never say so, two can.
 *
 * @param alpha how often such a test may be wrong
 */
export function crash(
  reports: readonly LoadReport[],
  arms: { readonly stable: string; readonly canary: string },
  alpha: number = ALPHA,
): Crash | null {
  const clip = clipFor(alpha, 2);
  const shareTest: TiltTestSpec = { ...absoluteTest(1, FROM_THE_START), clip };
  const ratioTest: TiltTestSpec = { ratio: CRASH_RATIO, side: 1, starts: FROM_THE_START, clip };
  const looks = bySecond(reports.filter((one) => isCount(one) && [arms.stable, arms.canary].includes(one.cluster)));
  let [share, ratio] = [startTiltTest(shareTest), startTiltTest(ratioTest)];
  for (const look of looks) {
    const pairs = pairsOf(look, arms);
    const own = pairs.map(({ canaryBad, canary }): Stratum => againstLimit(canaryBad, canary, CRASH_SHARE));
    share = updateTiltTest(shareTest, share, own, DISPERSION);
    ratio = updateTiltTest(ratioTest, ratio, pairs.map(badEvents), DISPERSION);
    if (rejects(Math.min(share.logE, ratio.logE), alpha))
      return sums(looks.slice(0, looks.indexOf(look) + 1).flat(), arms);
  }
  return null;
}

/** What an Envoy says of itself is a border. */
function isCount({ requests, failed, atMs }: LoadReport): boolean {
  return [requests, failed, atMs].every((one) => Number.isFinite(one) && one >= 0) && failed <= requests;
}

function bySecond(reports: readonly LoadReport[]): readonly (readonly LoadReport[])[] {
  const seconds = new Map<number, LoadReport[]>();
  for (const report of reports) {
    const second = Math.floor(report.atMs / LOOK_MS);
    seconds.set(second, [...(seconds.get(second) ?? []), report]);
  }
  return [...seconds].sort(([a], [b]) => a - b).map(([, look]) => look);
}

function pairsOf(
  look: readonly LoadReport[],
  { stable, canary }: { readonly stable: string; readonly canary: string },
) {
  return [...new Set(look.map(({ nodeId }) => nodeId))].map((nodeId) => {
    const own = look.filter((report) => report.nodeId === nodeId);
    const [ours, theirs] = [
      own.filter(({ cluster }) => cluster === canary),
      own.filter(({ cluster }) => cluster === stable),
    ];
    return { canaryBad: failed(ours), canary: requests(ours), stableBad: failed(theirs), stable: requests(theirs) };
  });
}

function sums(
  reports: readonly LoadReport[],
  { stable, canary }: { readonly stable: string; readonly canary: string },
): Crash {
  const [ours, theirs] = [canary, stable].map((name) => reports.filter(({ cluster }) => cluster === name));
  const times = reports.map(({ atMs }) => atMs);
  return {
    failed: failed(ours ?? []),
    requests: requests(ours ?? []),
    baselineFailed: failed(theirs ?? []),
    baselineRequests: requests(theirs ?? []),
    seconds: Math.max(1, Math.ceil((Math.max(...times) - Math.min(...times) + LOOK_MS) / 1_000)),
  };
}

function requests(reports: readonly LoadReport[]): number {
  return reports.reduce((sum, report) => sum + report.requests, 0);
}

function failed(reports: readonly LoadReport[]): number {
  return reports.reduce((sum, report) => sum + report.failed, 0);
}
