import type { AnalysisSpec } from '../model/analysis-spec.ts';
import { formatDuration } from '../model/duration.ts';
import { errorCounts, slowCounts } from './arm-counts.ts';
import { type Increment, increments } from './increments.ts';
import { baselineOf, type Judge, type JudgeInput, type JudgeOutcome, type Verdict } from './judge.ts';
import { judgeQuery } from './judge-query.ts';
import { judgeShare } from './judge-share.ts';
import { type Gap, sampleHealth } from './sample-health.ts';
import { inconclusive } from './with-queries.ts';

/** Fewer requests of the canary pass nothing. */
export const DEFAULT_MIN_REQUESTS = 200;

type ShareSpec = Extract<AnalysisSpec, { kind: 'error-rate' | 'latency' }>;
type Counted =
  | { readonly kind: 'gap'; readonly gap: Gap }
  | { readonly kind: 'usable'; readonly grown: readonly Increment[]; readonly thin: Gap | null };

/**
 * Compares the whole step so far with fixed limits. Missing evidence is `inconclusive` with its reason: never a
 * pass, and never by itself a failure. Keeps nothing between ticks.
 */
export const thresholdJudge: Judge = { name: 'threshold', assess };

function assess(input: JudgeInput): JudgeOutcome {
  const counted = input.analysis.some(({ kind }) => kind !== 'query') ? countAll(input) : null;
  const verdicts = input.analysis.map((spec) => {
    if (spec.kind === 'query') {
      const answer = (name: string) => input.queries.get(name) ?? null;
      return judgeQuery(spec, answer(spec.name), answer(baselineOf(spec.name)), input);
    }
    return counted === null ? missing(spec, NOTHING_COUNTED) : assessShare(spec, input, counted);
  });
  return { verdicts, decision: decide(verdicts), state: null };
}

const NOTHING_COUNTED: Gap = { gap: 'NO_DATA', detail: 'nothing was measured' };

function countAll(input: JudgeInput): Counted {
  const samples = sampleHealth(input);
  if (samples.kind === 'gap') return { kind: 'gap', gap: { gap: samples.gap, detail: samples.detail } };
  return { kind: 'usable', grown: increments(samples.series, input.liveAtMs), thin: samples.thin };
}

function assessShare(spec: ShareSpec, { arms }: JudgeInput, counted: Counted): Verdict {
  if (counted.kind === 'gap') return missing(spec, counted.gap);
  const { grown, thin } = counted;
  // A first deployment has no stable arm, and so no baseline.
  const stable = arms.stable === '' ? null : arms.stable;
  const { name: metric, max, relative = null } = spec;
  const minRequests = spec.minRequests ?? DEFAULT_MIN_REQUESTS;
  if (spec.kind === 'error-rate') {
    const baseline = stable === null ? null : errorCounts(grown, stable, spec.count);
    return judgeShare(
      { metric, max, minRequests, relative, bad: 'failed' },
      errorCounts(grown, arms.canary, spec.count),
      baseline,
      thin,
    );
  }
  const { objectiveMs } = spec;
  if (objectiveMs === null) return unlimited(metric);
  const canary = slowCounts(grown, arms.canary, objectiveMs);
  if (canary.kind === 'unmeasurable') {
    const detail = `Envoy's histogram has no edge at or above ${formatDuration(objectiveMs)}`;
    return missing(spec, { gap: 'NO_DATA', detail });
  }
  const base = stable === null ? null : slowCounts(grown, stable, objectiveMs);
  const bad = `took over ${formatDuration(canary.edgeMs ?? objectiveMs)} or timed out`;
  return judgeShare(
    { metric, max, minRequests, relative, bad },
    canary.counts,
    base?.kind === 'ok' ? base.counts : null,
    thin,
  );
}

/** Where both arms have traffic such a latency is compared with stable's; alone it has nothing to be held against. */
function unlimited(metric: string): Verdict {
  return { ...inconclusive(metric, 'OK', 'there is no objective to hold it against'), verdict: 'pass' };
}

function missing(spec: ShareSpec, { gap, detail }: Gap): Verdict {
  return { ...inconclusive(spec.name, gap, detail), limit: { min: null, max: spec.max } };
}

function decide(verdicts: readonly Verdict[]): JudgeOutcome['decision'] {
  if (verdicts.some(({ verdict }) => verdict === 'fail')) return 'rollback';
  return verdicts.every(({ verdict }) => verdict === 'pass') ? 'advance' : 'hold';
}
