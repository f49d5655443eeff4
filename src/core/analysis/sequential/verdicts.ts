import { formatDuration } from '../../model/duration.ts';
import type { JudgeInput, JudgeOutcome, Verdict } from '../judge.ts';
import { NO_RATIO, rateRatioInterval, updateRateRatio } from '../statistics/rate-ratio-interval.ts';
import { badEvents } from '../statistics/stratum.ts';
import { inconclusive } from '../with-queries.ts';
import { firstVerdictMs, isOld } from './cell-walk.ts';
import { armPair, type Count } from './counts.ts';
import type { Decision, ReasonCode } from './decide.ts';
import { evidenceLimit, evidenceNumber, evidenceWords } from './evidence-words.ts';
import { type LogEvidence, METRICS, type Metric } from './judge-line.ts';
import { SEQUENTIAL_DEFAULTS } from './settings.ts';
import type { Dispersions, StepCounts } from './step-counts.ts';

const RATIO_ALPHA = 0.05;

/** The last scrape that told something. */
export interface LastLook {
  readonly step: number;
  readonly atMs: number;
  readonly decision: Decision;
  /** The metric that weighs most. */
  readonly cause: string;
  readonly lnE: LogEvidence;
  readonly together: number;
  /** Share of what must have been seen. */
  readonly power: number;
  /** Of the step so far. */
  readonly counts: StepCounts;
  /** Memories of earlier versions lack it: 1. */
  readonly phi?: Dispersions;
  readonly alpha: number;
  /** Memories of earlier versions lack it. */
  readonly detectable?: number;
  /** About how many requests to the canary are missing, where it waits for them. Memories of earlier versions lack it. */
  readonly more?: number;
  /** The last resume that was known. @default none */
  readonly resume?: number | undefined;
  /** The canary's share of the requests at this weight. Memories of earlier versions lack it. */
  readonly achieved?: number | null;
}

/** The last look in words and numbers, and what may be done by it. */
export function describe(last: LastLook | null, input: JudgeInput): Pick<JudgeOutcome, 'verdicts' | 'decision'> {
  const step = (input.ramp ?? []).length - 1;
  if (last !== null && last.decision.kind === 'rollback') return { verdicts: failed(last), decision: 'rollback' };
  if (last === null || last.step !== step || isOld(last.atMs, input)) {
    return { verdicts: [nothingCompared(input.ramp?.at(-1)?.liveAtMs ?? null, input)], decision: 'hold' };
  }
  const verdicts = metricsOf(last);
  if (last.decision.code === 'ROUTING') return { verdicts: [misrouted(last, input), ...verdicts], decision: 'hold' };
  if (last.decision.kind === 'hold') {
    return { verdicts: marked(verdicts, HOLDS[last.decision.code] ?? 'NO_DATA', holdWords(last)), decision: 'hold' };
  }
  return { verdicts, decision: 'advance' };
}

/** What a person has resumed is not held against it again; what was scraped since is judged first. */
function misrouted({ decision, achieved = null, resume }: LastLook, { resumed }: JudgeInput): Verdict {
  if (resumed !== undefined && resumed.id !== resume) {
    return inconclusive('routing', 'WARMING_UP', 'resumed: its check begins anew with the next scrape');
  }
  return { ...inconclusive('routing', 'ROUTING', decision.reason.replace(/^routing: /, '')), value: achieved };
}

/** While a step settles that is how it has to be; later it is evidence that is missing. */
export function nothingCompared(liveAtMs: number | null, input: JudgeInput): Verdict {
  const metrics = METRICS.join(', ');
  if (liveAtMs === null) {
    return inconclusive('error-rate', 'WARMING_UP', `${metrics}: compared once it is live on every counted Envoy`);
  }
  const withinMs = firstVerdictMs(input);
  if (input.nowMs - liveAtMs <= withinMs) {
    const detail = `${metrics}: no scrape to compare yet; the first is judged within ${formatDuration(withinMs)} of going live`;
    return inconclusive('error-rate', 'WARMING_UP', detail);
  }
  return inconclusive('error-rate', 'NO_DATA', `${metrics}: no scrape of the last ones can be compared`);
}

const HOLDS: Readonly<Partial<Record<ReasonCode, Verdict['reason']>>> = {
  NOT_LIVE: 'WARMING_UP',
  NO_WEIGHT: 'WARMING_UP',
  NO_DATA: 'NO_DATA',
  SHARED_INCIDENT: 'SHARED_INCIDENT',
  SUSPICION: 'SUSPICION',
  NO_REQUESTS: 'TOO_FEW_REQUESTS',
  POWER: 'LOW_POWER',
};

function metricsOf(last: LastLook): readonly Verdict[] {
  return METRICS.flatMap((name) => (last.lnE[name] === null ? [] : [ofMetric(name, last)]));
}

function ofMetric(metric: Metric, { counts, lnE, alpha, phi }: LastLook): Verdict {
  const { canary, stable } = counts[metric];
  const own = lnE[metric] ?? 0;
  const dispersion = phi?.[metric] ?? 1;
  return {
    ...{ metric, verdict: 'pass', reason: 'OK' },
    value: canary.total === 0 ? null : canary.bad / canary.total,
    baseline: stable.total === 0 ? null : stable.bad / stable.total,
    detail: `${canary.bad} of ${canary.total} requests, stable ${stable.bad} of ${stable.total}; evidence of harm ${evidenceWords(own)} of ${evidenceLimit(alpha)}`,
    limit: { min: null, max: null },
    requests: canary.total,
    baselineRequests: stable.total,
    // For people: one step has one weight, so its requests may be taken together.
    ratio: {
      ...rateRatioInterval(updateRateRatio(NO_RATIO, [badEvents(armPair(canary, stable))], dispersion), RATIO_ALPHA),
      point: pointOf(canary, stable),
    },
    dispersion,
    evidence: { e: evidenceNumber(own), limit: evidenceLimit(alpha) },
  };
}

function pointOf(canary: Count, stable: Count): number | null {
  return stable.bad === 0 || canary.total === 0 ? null : (canary.bad * stable.total) / (canary.total * stable.bad);
}

/** The metric that weighs most is the cause, and comes first. */
function failed(last: LastLook): readonly Verdict[] {
  const verdicts = metricsOf(last);
  const { code, reason } = last.decision;
  if (code === 'ROUTING') {
    const detail = 'the canary gets more than twice the share of the traffic that it was to have';
    return [{ ...inconclusive('routing', 'ROUTING', detail), verdict: 'fail' }, ...verdicts];
  }
  if (code === 'CANARY_SILENT') return [{ ...inconclusive('error-rate', 'NO_DATA', reason), verdict: 'fail' }];
  const { limit } = last.decision;
  const cause = verdicts.find(({ metric }) => metric === (limit?.metric ?? last.cause));
  const rest = verdicts.filter((one) => one !== cause);
  if (cause === undefined)
    return [{ ...inconclusive(last.cause, 'WORSE_THAN_STABLE', reason), verdict: 'fail' }, ...rest];
  if (limit !== undefined) {
    const over = { reason: 'OVER_LIMIT', limit: { min: null, max: limit.max } } as const;
    return [{ ...cause, ...over, verdict: 'fail', detail: `${cause.detail}; ${reason}` }, ...rest];
  }
  const detail = `${cause.detail}; together ${evidenceWords(last.together)}: worse than stable beyond doubt (one error in ${evidenceLimit(last.alpha)} rollouts at most)`;
  return [{ ...cause, verdict: 'fail', reason: 'WORSE_THAN_STABLE', detail }, ...rest];
}

function marked(verdicts: readonly Verdict[], reason: Verdict['reason'], detail: string): readonly Verdict[] {
  const [first, ...rest] = verdicts;
  if (first === undefined) return verdicts;
  return [{ ...first, verdict: 'inconclusive', reason, detail: `${first.detail}; ${detail}` }, ...rest];
}

function holdWords({
  decision,
  together,
  alpha,
  power,
  detectable = SEQUENTIAL_DEFAULTS.detectable,
  more,
}: LastLook): string {
  switch (decision.code) {
    case 'SUSPICION':
      return `together ${evidenceWords(together)} of ${evidenceLimit(alpha)}: suspicious, so the weight stays`;
    case 'POWER':
      return `a ${detectable}-fold regression would have been seen to ${Math.min(99, Math.floor(100 * power))} %; ${moreWords(more)} needed`;
    default:
      return decision.reason;
  }
}

/** Two digits say as much as an estimate can. */
function moreWords(more: number | undefined): string {
  if (more === undefined) return 'more requests are';
  const unit = 10 ** Math.max(0, String(more).length - 2);
  return `about ${Math.ceil(more / unit) * unit} more requests to the canary are`;
}
