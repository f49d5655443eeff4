import type { AnalysisSpec } from '../../model/analysis-spec.ts';
import type { ArmCounts } from '../arm-counts.ts';
import { type Increment, increments } from '../increments.ts';
import { baselineOf, type JudgeInput, type ScalarResult, type Verdict } from '../judge.ts';
import { sampleHealth } from '../sample-health.ts';
import { type Check, checkShare, checkValue } from './check-share.ts';
import { measureShare, type ShareSpec } from './measure-share.ts';

const DEFAULT_WINDOW_MS = 60_000;

/** One check of one analysis, and how it is shown. */
export interface MeasuredCheck extends Check {
  readonly verdict: Verdict;
}

/**
 * Checks every analysis over its own window, as the judges of other tools do: they know values and no evidence. Only
 * two things are not theirs: samples from before the step count for nothing, and where too few Envoys are seen a
 * pass is inconclusive.
 */
export function measureChecks(input: JudgeInput): readonly MeasuredCheck[] {
  const health = sampleHealth(input);
  // Most windows are the same, and a fleet has many series.
  const grown = new Map<number, readonly Increment[]>();
  return input.analysis.map((spec) => {
    if (spec.kind === 'query') return ofQuery(spec, input);
    if (health.kind === 'gap') return missing(spec, health.gap, health.detail);
    const fromMs = Math.max(input.liveAtMs, input.nowMs - (spec.windowMs ?? DEFAULT_WINDOW_MS));
    const inWindow = grown.get(fromMs) ?? increments(health.series, fromMs);
    grown.set(fromMs, inWindow);
    const checked = ofShare(spec, input, inWindow);
    if (health.thin === null || checked.result !== 'pass') return checked;
    const { gap: reason, detail } = health.thin;
    return {
      ...checked,
      result: 'inconclusive',
      verdict: { ...checked.verdict, verdict: 'inconclusive', reason, detail },
    };
  });
}

function ofShare(spec: ShareSpec, { arms }: JudgeInput, grown: readonly Increment[]): MeasuredCheck {
  const { canary, stable } = measureShare(spec, grown, arms);
  const check = checkShare(
    {
      metric: spec.name,
      min: spec.min ?? null,
      max: spec.max,
      relative: spec.relative ?? null,
      minRequests: spec.minRequests ?? 0,
    },
    { canary, stable },
  );
  return shown(check, {
    value: shareOf(canary),
    baseline: shareOf(stable),
    limit: { min: spec.min ?? null, max: spec.max },
    requests: canary?.requests ?? null,
    baselineRequests: stable?.requests ?? null,
  });
}

function ofQuery(spec: Extract<AnalysisSpec, { kind: 'query' }>, { queries }: JudgeInput): MeasuredCheck {
  const number = (answer: ScalarResult | undefined) => (answer?.kind === 'ok' ? answer.value : null);
  const [answer, against] = [queries.get(spec.name), queries.get(baselineOf(spec.name))];
  const { name: metric, min, max, relative = null } = spec;
  const check = checkValue({ metric, min, max, relative }, number(answer), number(against));
  const gap = [answer, against].find((one) => one?.kind === 'gap');
  const detail = check.result === 'none' && gap?.kind === 'gap' ? gap.detail : check.detail;
  return shown(
    { ...check, detail },
    { value: number(answer), baseline: number(against), limit: { min, max }, requests: null, baselineRequests: null },
  );
}

function missing(spec: ShareSpec, reason: Verdict['reason'], detail: string): MeasuredCheck {
  const nothing = { value: null, baseline: null, requests: null, baselineRequests: null };
  const { verdict, ...check } = shown(
    { metric: spec.name, result: 'none', detail },
    { ...nothing, limit: { min: null, max: spec.max } },
  );
  return { ...check, verdict: { ...verdict, reason } };
}

function shown(
  check: Check,
  numbers: Pick<Verdict, 'value' | 'baseline' | 'limit' | 'requests' | 'baselineRequests'>,
): MeasuredCheck {
  const { metric, result, detail } = check;
  const finite = (value: number | null) => (value !== null && Number.isFinite(value) ? value : null);
  const values = { ...numbers, value: finite(numbers.value), baseline: finite(numbers.baseline) };
  const said = { metric, detail, ...values };
  switch (result) {
    case 'pass':
      return { ...check, verdict: { ...said, verdict: 'pass', reason: 'OK' } };
    case 'fail': {
      const isLow = numbers.limit.min !== null && numbers.value !== null && numbers.value < numbers.limit.min;
      return { ...check, verdict: { ...said, verdict: 'fail', reason: isLow ? 'UNDER_LIMIT' : 'OVER_LIMIT' } };
    }
    case 'inconclusive':
      return { ...check, verdict: { ...said, verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS' } };
    case 'none':
      return { ...check, verdict: { ...said, verdict: 'inconclusive', reason: 'NO_DATA' } };
  }
}

function shareOf(counts: ArmCounts | null): number | null {
  return counts === null || counts.requests === 0 ? null : counts.bad / counts.requests;
}
