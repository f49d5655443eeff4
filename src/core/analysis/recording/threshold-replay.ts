import type { AnalysisSpec } from '../../model/analysis-spec.ts';
import { formatDuration } from '../../model/duration.ts';
import type { Verdict } from '../judge.ts';
import {
  addLimited,
  countLimited,
  judgeLimited,
  type LimitedCounts,
  type LimitedSpec,
  NOTHING_COUNTED,
} from '../limited-share.ts';
import { recordedGrowth } from '../recorded-growth.ts';
import type { Scrape } from '../sequential/scrape.ts';
import type { TickVerdict } from '../threshold/tick-judge.ts';
import { decideByLimits } from '../threshold-judge.ts';

export interface LimitedPlan {
  readonly steps: readonly {
    /** Basis points. */
    readonly weight: number;
    readonly holdMs: number;
    readonly analysis: readonly AnalysisSpec[];
  }[];
  readonly analysis: readonly AnalysisSpec[];
}

/** As far as a live look goes back. */
const WINDOW_MS = 3_600_000;

interface Stretch {
  /** Percent. */
  readonly weight: number;
  readonly sinceMs: number;
  readonly counted: { readonly t: number; readonly shares: readonly LimitedCounts[] }[];
}

/**
 * The limits of a plan on the lines of a recording: each step by what was scraped since it was live, as a live look holds
 * it to them. Custom queries are in no recording, and how many Envoys should have been scraped neither.
 */
export function thresholdReplay({ steps, analysis }: LimitedPlan): (line: Scrape) => TickVerdict {
  const growth = recordedGrowth();
  const seenAt = new Map<string, number>();
  const last = steps.at(-1);
  let stretch: Stretch | null = null;
  return ({ t, weight, liveAt, proxies }) => {
    const grown = growth(proxies);
    const now: Stretch | null =
      weight === null ? null : stretch?.weight === weight ? stretch : { weight, sinceMs: liveAt ?? t, counted: [] };
    stretch = now;
    // A proxy that was last scraped under another table has a stretch of both.
    const own = grown.filter(({ proxy }) => (seenAt.get(proxy) ?? Number.NEGATIVE_INFINITY) >= (now?.sinceMs ?? t));
    for (const proxy of Object.keys(proxies)) seenAt.set(proxy, t);
    if (now === null) return hold('the step is not live yet');
    const step = steps.find((one) => one.weight === Math.round(now.weight * 100));
    if (step === undefined) return hold(weight === 0 ? 'the canary gets no traffic' : 'no step has this weight');
    const specs = [...(step.weight > 0 ? analysis : []), ...step.analysis].filter(isShare);
    if (specs.length === 0) return hold('nothing is judged here that a recording knows');
    now.counted.push({ t, shares: specs.map((spec) => countLimited(spec, own, ARMS)) });
    while ((now.counted[0]?.t ?? t) < t - WINDOW_MS) now.counted.shift();
    if (!Object.values(proxies).some(({ canary }) => canary !== undefined)) return hold('the canary was not scraped');
    const verdicts = specs.map((spec, i) => {
      const all = now.counted.map(({ shares }) => shares[i] ?? NOTHING_COUNTED);
      return judgeLimited(spec, all.reduce(addLimited, NOTHING_COUNTED), null);
    });
    const decision = decideByLimits(verdicts);
    if (decision !== 'advance') return { decision, reason: reasonOf(verdicts) };
    const leftMs = now.sinceMs + step.holdMs - t;
    if (leftMs > 0) return hold(`${formatDuration(leftMs)} left in this step`);
    return { decision: step === last ? 'promote' : 'advance', reason: 'within its limits' };
  };
}

const ARMS = { stable: 'stable', canary: 'canary' };

function isShare(spec: AnalysisSpec): spec is LimitedSpec {
  return spec.kind !== 'query';
}

function reasonOf(verdicts: readonly Verdict[]): string {
  const open = verdicts.find(({ verdict }) => verdict === 'fail') ?? verdicts.find(({ verdict }) => verdict !== 'pass');
  return open === undefined ? '' : `${open.metric}: ${open.detail}`;
}

function hold(reason: string): TickVerdict {
  return { decision: 'hold', reason };
}
