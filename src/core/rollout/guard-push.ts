import { type CrashWatch, crashInScrapes } from '../analysis/crash-in-scrapes.ts';
import { CRASH_SHARE, type Crash, crash } from '../analysis/push-guard.ts';
import { askedBy } from '../analysis/sequential/asked.ts';
import { countErrors } from '../analysis/sequential/counts.ts';
import { ackedNodes } from '../fleet/liveness.ts';
import { isSeveral, metricOf, partName, partsOf, whoseOf } from './joint.ts';
import { countersOf } from './judge-push.ts';
import { judgedTimeoutMs } from './judged-plan.ts';
import { crashWatchOf, currentAnalysis } from './needs.ts';
import type { Cause, Part, Rollout } from './rollout.ts';
import type { Draft, Observations, StepInput } from './transition.ts';

/**
 * The guard that waits for no judge. Envoys' own reports of a crash send the canary back within seconds; and while a step
 * is not live everywhere, which a judge that compares scrape by scrape has to wait for, so do the scrapes of the Envoys
 * that have it. What is not judged is not guarded either. Prometheus stays the judge of record, so the cause says what it
 * knew.
 */
export function guardPush(d: Draft, { observed }: StepInput): Omit<Cause, 'atMs' | 'step'> | null {
  if (currentAnalysis(d.rollout).length === 0) return null;
  const { scrapeMs } = observed;
  const watch = scrapeMs === null ? null : crashWatchOf(d.rollout, scrapeMs, d.nowMs, d.offsetMs);
  for (const part of partsOf(d.rollout)) {
    const arms = part.stable === null ? null : { stable: part.stable.cluster, canary: part.canary.cluster };
    if (arms === null) continue;
    const reported = crash(observed.loadReports ?? [], arms);
    if (reported !== null) return causeOf(d.rollout, part, reported, 'load reports of the Envoys');
    const scraped = watch === null ? null : scrapedCrash(d, part, observed, watch);
    if (scraped !== null) return causeOf(d.rollout, part, scraped, 'scrapes of the Envoys that have the step');
  }
  return null;
}

function scrapedCrash(
  { rollout, offsetMs = 0 }: Draft,
  part: Rollout,
  { fleets, counters }: Observations,
  watch: CrashWatch,
): Crash | null {
  const { push, stable, canary } = part;
  if (push === null || stable === null || counters?.kind !== 'ok') return null;
  const own = countersOf(rollout, part, counters);
  if (own.kind === 'gap') return null;
  const acked = ackedNodes(push.counted, fleets, push.routesOnly).flatMap(({ node: { metricsName }, ackedAtMs }) =>
    metricsName === null ? [] : [{ proxy: metricsName, ackedAtMs: ackedAtMs + offsetMs }],
  );
  const failures = countErrors(askedBy(currentAnalysis(rollout)).errors.count);
  const arms = { stable: stable.cluster, canary: canary.cluster };
  return crashInScrapes(own.series, arms, acked, { ...watch, failures, routeTimeoutMs: judgedTimeoutMs(part) });
}

function causeOf(
  rollout: Rollout,
  part: Part,
  { failed, requests, baselineFailed, baselineRequests, seconds }: Crash,
  source: string,
): Omit<Cause, 'atMs' | 'step'> {
  const { stable, canary } = part;
  const detail =
    `${failed} of ${requests} requests to ${canary.name} failed within ${seconds} s, ` +
    `${baselineFailed} of ${baselineRequests} to ${stable?.name ?? 'nothing'} (${source})`;
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
