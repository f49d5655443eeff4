import { CRASH_SHARE, crash, type LoadReport } from '../analysis/push-guard.ts';
import { isSeveral, metricOf, partName, partsOf, whoseOf } from './joint.ts';
import { currentAnalysis } from './needs.ts';
import type { Cause, Part, Rollout } from './rollout.ts';
import type { Draft, StepInput } from './transition.ts';

/**
 * The guard that does not wait for a scrape: Envoys' own reports of a crash send the canary back within seconds. What
 * is not judged is not guarded either. Prometheus stays the judge of record, so the cause says what it knew.
 */
export function guardPush(d: Draft, { observed }: StepInput): Omit<Cause, 'atMs' | 'step'> | null {
  const reports = observed.loadReports ?? [];
  if (reports.length === 0 || currentAnalysis(d.rollout).length === 0) return null;
  for (const part of partsOf(d.rollout)) {
    const cause = guardPart(d.rollout, part, reports);
    if (cause !== null) return cause;
  }
  return null;
}

function guardPart(rollout: Rollout, part: Part, reports: readonly LoadReport[]): Omit<Cause, 'atMs' | 'step'> | null {
  const { stable, canary } = part;
  if (stable === null) return null;
  const found = crash(reports, { stable: stable.cluster, canary: canary.cluster });
  if (found === null) return null;
  const { failed, requests, baselineFailed, baselineRequests, seconds } = found;
  const detail =
    `${failed} of ${requests} requests to ${canary.name} failed within ${seconds} s, ` +
    `${baselineFailed} of ${baselineRequests} to ${stable.name} (load reports of the Envoys)`;
  const known =
    rollout.evidence?.verdicts.map(({ metric, verdict, reason }) => `${metric} ${verdict}, ${reason}`).join('; ') ?? '';
  const whose = isSeveral(rollout) ? ` of ${partName(part)}` : '';
  const summary = `push guard${whose}: ${detail}; Prometheus: ${known === '' ? 'no look yet in this step' : known}`;
  const verdict = {
    ...({ verdict: 'fail', reason: 'OVER_LIMIT', detail } as const),
    metric: metricOf(rollout, partName(part), 'push-guard'),
    ...whoseOf(rollout, part),
    value: failed / requests,
    baseline: baselineRequests === 0 ? null : baselineFailed / baselineRequests,
    limit: { min: null, max: CRASH_SHARE },
    requests,
    baselineRequests,
  };
  return { kind: 'analysis', by: 'serin', summary, verdict, node: null };
}
