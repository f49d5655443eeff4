import type { AnalysisSpec } from '../model/analysis-spec.ts';
import { formatDuration } from '../model/duration.ts';
import type { JudgeInput, ScalarResult, Verdict } from './judge.ts';
import { freshForMs } from './sample-health.ts';

type QuerySpec = Extract<AnalysisSpec, { kind: 'query' }>;

/**
 * One number against `min` and `max`, and against what stable's number allows, all inclusive. Until a whole window has passed since the step went live, the
 * query still looks at the time before it, so it neither passes nor fails.
 */
export function judgeQuery(
  spec: QuerySpec,
  answer: ScalarResult | null,
  baseline: ScalarResult | null,
  { liveAtMs, nowMs, scrapeMs }: Pick<JudgeInput, 'liveAtMs' | 'nowMs' | 'scrapeMs'>,
): Verdict {
  const { name: metric, min, max, windowMs, relative } = spec;
  const [value, base] = [finite(answer), finite(baseline)];
  const seen = { metric, value, baseline: base, limit: { min, max }, requests: null, baselineRequests: null };
  const open = (reason: Extract<ScalarResult, { kind: 'gap' }>['gap'], detail: string): Verdict => {
    return { ...seen, verdict: 'inconclusive', reason, detail };
  };
  if (answer === null) return open('NO_DATA', 'the query was not run');
  if (answer.kind === 'gap') return open(answer.gap, answer.detail);
  if (value === null) return open('NOT_FINITE', `the query answered ${answer.value}`);
  if (nowMs - answer.atMs > freshForMs(scrapeMs)) {
    return open('STALE', `the answer is ${Math.round((nowMs - answer.atMs) / 1000)} s old`);
  }
  if (nowMs - liveAtMs < windowMs) {
    return open('WARMING_UP', `the window of ${formatDuration(windowMs)} still reaches back before this step`);
  }
  if (max !== null && value > max) {
    return { ...seen, verdict: 'fail', reason: 'OVER_LIMIT', detail: `${short(value)} is above ${short(max)}` };
  }
  if (min !== null && value < min) {
    return { ...seen, verdict: 'fail', reason: 'UNDER_LIMIT', detail: `${short(value)} is below ${short(min)}` };
  }
  if (relative === undefined) {
    return { ...seen, verdict: 'pass', reason: 'OK', detail: `${short(value)} is within its limits` };
  }
  if (base === null || baseline?.kind !== 'ok') {
    const gap = baseline?.kind === 'gap' ? baseline : { gap: 'NO_DATA' as const, detail: 'no finite number' };
    return open(gap.gap, `stable: ${gap.detail}`);
  }
  if (nowMs - baseline.atMs > freshForMs(scrapeMs)) return open('STALE', 'the answer about stable is too old');
  const allowed = base * relative.factor + relative.offset;
  const words = `${short(value)}, stable ${short(base)} allows ${short(allowed)}`;
  if (value > allowed) return { ...seen, verdict: 'fail', reason: 'OVER_LIMIT', detail: words };
  return { ...seen, verdict: 'pass', reason: 'OK', detail: words };
}

function finite(answer: ScalarResult | null): number | null {
  return answer?.kind === 'ok' && Number.isFinite(answer.value) ? answer.value : null;
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
