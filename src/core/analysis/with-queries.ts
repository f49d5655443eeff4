import { baselineOf, type JudgeInput, type JudgeOutcome, type JudgeState, type Verdict } from './judge.ts';
import { judgeQuery } from './judge-query.ts';

/** The custom queries of a plan beside a judge that looks at Envoy's counters. */
export function queryVerdicts(input: JudgeInput): readonly Verdict[] {
  const answer = (name: string) => input.queries.get(name) ?? null;
  return input.analysis.flatMap((spec) =>
    spec.kind === 'query' ? [judgeQuery(spec, answer(spec.name), answer(baselineOf(spec.name)), input)] : [],
  );
}

/** A custom query that fails sends back, and one that cannot be answered holds, whatever the comparison says. */
export function combined(
  verdicts: readonly Verdict[],
  decision: JudgeOutcome['decision'],
  state: JudgeState | null,
): JudgeOutcome {
  if (decision === 'rollback' || verdicts.some(({ verdict }) => verdict === 'fail')) {
    return { verdicts, decision: 'rollback', state };
  }
  const all = verdicts.every(({ verdict }) => verdict === 'pass');
  return { verdicts, decision: all ? decision : 'hold', state };
}

export function inconclusive(metric: string, reason: Verdict['reason'], detail: string): Verdict {
  const nothing = { value: null, baseline: null, requests: null, baselineRequests: null };
  return { metric, verdict: 'inconclusive', reason, detail, limit: { min: null, max: null }, ...nothing };
}
