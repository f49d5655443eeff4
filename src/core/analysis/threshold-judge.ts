import { increments } from './increments.ts';
import { baselineOf, type Judge, type JudgeInput, type JudgeOutcome, type Verdict } from './judge.ts';
import { judgeQuery } from './judge-query.ts';
import { countLimited, judgeLimited, type LimitedSpec, missing } from './limited-share.ts';
import { type Gap, sampleHealth } from './sample-health.ts';

type Counted =
  | { readonly kind: 'gap'; readonly gap: Gap }
  | { readonly kind: 'usable'; readonly grown: ReturnType<typeof increments>; readonly thin: Gap | null };

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
    return counted === null ? missing(spec, NOTHING_MEASURED) : assessShare(spec, input, counted);
  });
  return { verdicts, decision: decideByLimits(verdicts), state: null };
}

const NOTHING_MEASURED: Gap = { gap: 'NO_DATA', detail: 'nothing was measured' };

function countAll(input: JudgeInput): Counted {
  const samples = sampleHealth(input);
  if (samples.kind === 'gap') return { kind: 'gap', gap: { gap: samples.gap, detail: samples.detail } };
  return { kind: 'usable', grown: increments(samples.series, input.liveAtMs), thin: samples.thin };
}

function assessShare(spec: LimitedSpec, { arms }: JudgeInput, counted: Counted): Verdict {
  if (counted.kind === 'gap') return missing(spec, counted.gap);
  // A first deployment has no stable arm, and so no baseline.
  const stable = arms.stable === '' ? null : arms.stable;
  return judgeLimited(spec, countLimited(spec, counted.grown, { ...arms, stable }), counted.thin);
}

export function decideByLimits(verdicts: readonly Verdict[]): JudgeOutcome['decision'] {
  if (verdicts.some(({ verdict }) => verdict === 'fail')) return 'rollback';
  return verdicts.every(({ verdict }) => verdict === 'pass') ? 'advance' : 'hold';
}
