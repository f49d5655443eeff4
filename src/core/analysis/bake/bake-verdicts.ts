import { formatDuration } from '../../model/duration.ts';
import type { Bake, JudgeInput, JudgeOutcome, Verdict } from '../judge.ts';
import { DEFAULT_MIN_REQUESTS } from '../limited-share.ts';
import { isOld } from '../sequential/cell-walk.ts';
import { evidenceLimit, evidenceNumber, evidenceWords } from '../sequential/evidence-words.ts';
import { METRICS } from '../sequential/judge-line.ts';
import { nothingCompared } from '../sequential/verdicts.ts';
import { inconclusive } from '../with-queries.ts';
import { type BakeMetric, type BakeSettings, type BakeState, isSuspicious, limitOf } from './bake-state.ts';

export interface BakeLook {
  readonly bake: BakeState;
  readonly ticks: number;
  readonly baseline: boolean | null;
  readonly last: { readonly atMs: number; readonly tripped: boolean } | null;
}

/** The last scrape of a bake in words and numbers, and what may be done by it. */
export function describeBake(
  look: BakeLook,
  input: JudgeInput,
  settings: BakeSettings,
  time: Pick<Bake, 'liveAtMs' | 'forMs'>,
): Pick<JudgeOutcome, 'verdicts' | 'decision'> {
  const { bake, ticks, last } = look;
  const shown = shownOf(bake);
  if (last?.tripped === true) return { verdicts: failed(look, shown, settings), decision: 'rollback' };
  if (look.baseline === false) {
    const detail =
      'stable had too few requests before to compare with; from the next look on the limits of the plan hold';
    return { verdicts: [inconclusive('error-rate', 'WARMING_UP', detail)], decision: 'hold' };
  }
  if (last === null || isOld(last.atMs, input)) {
    return { verdicts: [nothingCompared(input.liveAtMs, input)], decision: 'hold' };
  }
  const verdicts = shown.map((one) => ofMetric(one, look, settings));
  const held = holdWords(bake, ticks, settings, input) ?? unwatched(look, input, time);
  if (held === null) return { verdicts, decision: 'advance' };
  const [first, ...rest] = verdicts;
  if (first === undefined) return { verdicts, decision: 'hold' };
  const open: Verdict = {
    ...first,
    ...{ verdict: 'inconclusive', reason: held.reason, detail: `${first.detail}; ${held.detail}` },
  };
  return { verdicts: [open, ...rest], decision: 'hold' };
}

function holdWords(
  bake: BakeState,
  ticks: number,
  settings: BakeSettings,
  { analysis }: JudgeInput,
): { readonly reason: Verdict['reason']; readonly detail: string } | null {
  const { metrics, together } = bake;
  if (isSuspicious(bake, ticks)) {
    const detail = `together ${evidenceWords(scaled(together.logE, ticks))} of ${evidenceLimit(settings.alpha)}: suspicious, so the bake goes on`;
    return { reason: 'SUSPICION', detail };
  }
  const seen = metrics.find(({ metric }) => metric === 'error-rate')?.canary.total ?? 0;
  const least = Math.max(
    ...analysis.map((spec) => (spec.kind === 'query' ? 0 : (spec.minRequests ?? DEFAULT_MIN_REQUESTS))),
  );
  return seen >= least ? null : { reason: 'TOO_FEW_REQUESTS', detail: `${least} requests are needed` };
}

/** At its end: what was not looked at was not watched, so settling and gaps make a bake longer. */
function unwatched(
  { bake, ticks }: BakeLook,
  { nowMs, scrapeMs }: JudgeInput,
  { liveAtMs, forMs }: Pick<Bake, 'liveAtMs' | 'forMs'>,
): ReturnType<typeof holdWords> {
  if (nowMs < liveAtMs + forMs || bake.ticks >= ticks) return null;
  const watched = `${formatDuration(bake.ticks * scrapeMs)} of ${formatDuration(ticks * scrapeMs)}`;
  return { reason: 'WARMING_UP', detail: `${watched} were watched` };
}

/** One line per metric: of the latency the edge of the objective, or else the first. */
function shownOf({ metrics }: BakeState): readonly BakeMetric[] {
  return METRICS.flatMap((name) => metrics.find(({ metric }) => metric === name) ?? []);
}

function ofMetric(one: BakeMetric, { ticks }: BakeLook, settings: BakeSettings): Verdict {
  const { metric, stable, canary, detector } = one;
  const own = scaled(detector.logE ?? 0, ticks);
  const limit = limitOf(settings, one);
  return {
    ...{ metric, verdict: 'pass', reason: 'OK' },
    value: canary.total === 0 ? null : canary.bad / canary.total,
    baseline: stable.total === 0 ? null : stable.bad / stable.total,
    detail: `${canary.bad} of ${canary.total} requests since it has all of them, stable had ${stable.bad} of ${stable.total} before; evidence of harm ${evidenceWords(own)} of ${evidenceLimit(settings.alpha)}`,
    limit: { min: null, max: limit },
    requests: canary.total,
    baselineRequests: stable.total,
    evidence: { e: evidenceNumber(own), limit: evidenceLimit(settings.alpha) },
  };
}

function failed(look: BakeLook, shown: readonly BakeMetric[], settings: BakeSettings): readonly Verdict[] {
  const { bake, ticks } = look;
  const { cause, logE } = bake.together;
  const verdicts = shown.map((one) => ofMetric(one, look, settings));
  const guilty = verdicts.find(({ metric }) => metric === cause);
  if (guilty === undefined)
    return [{ ...inconclusive(cause, 'WORSE_THAN_STABLE', 'worse than stable was'), verdict: 'fail' }];
  const detail = `${guilty.detail}; together ${evidenceWords(scaled(logE, ticks))}: worse than stable was beyond doubt (one error in ${evidenceLimit(settings.alpha)} bakes at most)`;
  return [
    { ...guilty, verdict: 'fail', reason: 'WORSE_THAN_STABLE', detail },
    ...verdicts.filter((one) => one !== guilty),
  ];
}

/** As in a step: 1 is what a good canary comes to, and it goes back at 1 / alpha. */
function scaled(logE: number, ticks: number): number {
  return logE - Math.log(ticks);
}
