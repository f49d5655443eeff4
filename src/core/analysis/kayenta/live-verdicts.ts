import { formatDuration } from '../../model/duration.ts';
import type { KayentaSpec } from '../../model/kayenta-spec.ts';
import type { JudgeInput, JudgeOutcome, Verdict } from '../judge.ts';
import { firstVerdictMs, isOld } from '../sequential/cell-walk.ts';
import { inconclusive } from '../with-queries.ts';
import { decide, type KayentaJudgement } from './decide.ts';
import type { JudgedMetric } from './judge-samples.ts';
import { leastSamples } from './plan-metrics.ts';
import { type BothArms, fewest, type Samples } from './samples.ts';

/** Kayenta's own advice. */
export const ADVISED_SAMPLES = 50;

/** Requests of one step, by metric. */
export interface StepTotals {
  readonly step: number;
  readonly counts: readonly (BothArms | null)[];
}

export interface KayentaLook {
  readonly samples: Samples;
  readonly countedAtMs: number | null;
  readonly totals: StepTotals | null;
  readonly last: KayentaJudgement | null;
  /** The last judgement is of this very look. */
  readonly isNew: boolean;
}

/** A look in words and numbers, and what may be done by it: a judgement counts for the look at which it was made. */
export function describeKayenta(
  spec: KayentaSpec,
  look: KayentaLook,
  input: JudgeInput,
): Pick<JudgeOutcome, 'verdicts' | 'decision'> {
  const { last, samples, countedAtMs, isNew } = look;
  const step = (input.ramp ?? []).length - 1;
  const decision = last === null ? 'hold' : decide(spec, last);
  if (last !== null && decision === 'rollback') {
    return { verdicts: [scored(spec, last, 'fail', 'LIMIT_REACHED'), ...metricsOf(look, last)], decision };
  }
  const liveAtMs = input.ramp?.at(-1)?.liveAtMs ?? null;
  const unseen = nothingCounted(countedAtMs, liveAtMs, input);
  if (unseen !== null) return { verdicts: [unseen], decision: 'hold' };
  if (last === null || last.step !== step) {
    return { verdicts: [notYet(spec, samples, input, liveAtMs)], decision: 'hold' };
  }
  const metrics = metricsOf(look, last);
  if (decision === 'advance' && noRequests(look)) {
    const none = inconclusive('kayenta', 'TOO_FEW_REQUESTS', 'no request reached the canary in this step');
    return { verdicts: [none, ...metrics], decision: 'hold' };
  }
  if (decision === 'advance' && isNew) return { verdicts: [scored(spec, last, 'pass', 'OK'), ...metrics], decision };
  return { verdicts: [held(spec, last, input), ...metrics], decision: 'hold' };
}

/** While a step settles that is how it has to be; later it is evidence that is missing. */
function nothingCounted(countedAtMs: number | null, liveAtMs: number | null, input: JudgeInput): Verdict | null {
  if (liveAtMs === null) {
    return inconclusive('kayenta', 'WARMING_UP', 'counted once it is live on every counted Envoy');
  }
  if (countedAtMs !== null && countedAtMs >= liveAtMs && !isOld(countedAtMs, input)) return null;
  const withinMs = firstVerdictMs(input);
  if (input.nowMs - liveAtMs <= withinMs) {
    const detail = `no scrape counts yet; the first does within ${formatDuration(withinMs)} of going live`;
    return inconclusive('kayenta', 'WARMING_UP', detail);
  }
  return inconclusive('kayenta', 'NO_DATA', 'no scrape of the last ones can be counted');
}

/** A step that was not judged yet. */
function notYet(spec: KayentaSpec, samples: Samples, { nowMs }: JudgeInput, liveAtMs: number | null): Verdict {
  const [seen, least] = [fewest(samples), leastSamples(spec.confidence)];
  const isDue = liveAtMs !== null && nowMs - liveAtMs >= spec.intervalMs;
  if (isDue && seen < least) {
    return inconclusive('kayenta', 'LOW_POWER', `${seen} of the ${least} samples that it takes to tell a difference`);
  }
  const detail = `judged every ${formatDuration(spec.intervalMs)}, and not yet in this step; ${samplesOf(seen)} so far`;
  return inconclusive('kayenta', 'WARMING_UP', detail);
}

/** Whatever is said of what is absent, a canary that nobody asked for anything was not tried. */
function noRequests({ totals }: KayentaLook): boolean {
  return (totals?.counts ?? []).every((one) => one === null || one.canary.total === 0);
}

function held(spec: KayentaSpec, last: KayentaJudgement, { nowMs }: JudgeInput): Verdict {
  const open = (reason: Verdict['reason'], words: string): Verdict => {
    const verdict = scored(spec, last, 'inconclusive', reason);
    return { ...verdict, detail: `${verdict.detail}; ${words}` };
  };
  const blind = last.metrics.filter((metric) => metric.blind);
  const silent = blind.filter(({ label }) => label !== 'Pass').map(({ name }) => name);
  if (silent.length > 0) return open('NO_DATA', `nothing can be said of ${silent.join(', ')}`);
  if (blind.length > 0) {
    const least = leastSamples(spec.confidence);
    return open('LOW_POWER', `${blind.map(({ name }) => name).join(', ')}: it takes ${least} samples with requests`);
  }
  if (last.classification === 'Marginal') return open('SUSPICION', `passes from ${spec.pass} on`);
  if (last.when === 'before its end') {
    return open('WARMING_UP', `the canary lives ${formatDuration(spec.lifetimeMs ?? 0)}`);
  }
  const next = Math.max(0, last.atMs + spec.intervalMs - nowMs);
  return open('WARMING_UP', `the next judgement decides, in about ${formatDuration(Math.ceil(next / 1_000) * 1_000)}`);
}

function scored(
  { pass, marginal }: KayentaSpec,
  { score, classification, metrics }: KayentaJudgement,
  verdict: Verdict['verdict'],
  reason: Verdict['reason'],
): Verdict {
  const labels = metrics.map(({ name, label, critical }) => `${name} ${label}${critical ? ' (critical)' : ''}`);
  const words = classification === 'Nodata' ? 'no score' : `score ${score} of 100`;
  const least = Math.min(...metrics.map(({ samples }) => samples));
  const why = verdict === 'fail' ? ` (below ${classification === 'Fail' ? marginal : pass})` : '';
  return {
    ...inconclusive('kayenta', reason, `${words}${why}: ${labels.join(', ')}; ${samplesOf(least)}`),
    verdict,
    value: classification === 'Nodata' ? null : score / 100,
    limit: { min: pass / 100, max: null },
    score: { value: classification === 'Nodata' ? null : score, classification },
  };
}

function samplesOf(count: number): string {
  return count === 1 ? 'one sample of each arm' : `${count} samples of each arm`;
}

/** What fails and is no cause of a rollback is one of several: the score is of all. */
function metricsOf({ totals, samples }: KayentaLook, { metrics }: KayentaJudgement): readonly Verdict[] {
  return metrics.map((metric): Verdict => {
    const counts = totals?.counts[samples.names.indexOf(metric.name)] ?? null;
    const { canary, stable } = counts ?? { canary: null, stable: null };
    return {
      ...inconclusive(metric.name, reasonOf(metric), wordsOf(metric)),
      verdict: metric.blind ? 'inconclusive' : metric.label === 'Pass' ? 'pass' : 'fail',
      value: shareOf(canary),
      baseline: shareOf(stable),
      requests: canary?.total ?? null,
      baselineRequests: stable?.total ?? null,
      classification: metric.label,
      ...(metric.critical ? { critical: true } : {}),
    };
  });
}

function shareOf(count: BothArms['canary'] | null): number | null {
  return count === null || count.total === 0 ? null : count.bad / count.total;
}

function reasonOf({ label, blind }: JudgedMetric): Verdict['reason'] {
  if (label === 'High') return 'WORSE_THAN_STABLE';
  if (label !== 'Pass') return 'NO_DATA';
  return blind ? 'LOW_POWER' : 'OK';
}

function wordsOf({ label, shift, effect, samples }: JudgedMetric): string {
  const of = samplesOf(samples);
  if (label === 'Error') return `the samples are too much alike for an interval; ${of}`;
  if (label === 'Nodata' || label === 'NodataFailMetric') return `an arm has no sample with requests`;
  if (shift === null) return `both arms are the same; ${of}`;
  const [lower, upper, estimate] = shift;
  const times = effect === null ? '' : `, effect ${effect}`;
  const found = label === 'High' ? 'more than stable' : 'no difference that counts';
  return `${found}: ${estimate} percentage points (${lower} to ${upper})${times}; ${of}`;
}
