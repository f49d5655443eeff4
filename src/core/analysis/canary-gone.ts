import { formatDuration } from '../model/duration.ts';
import type { JudgeInput, Verdict } from './judge.ts';
import { freshForMs } from './sample-health.ts';
import { inconclusive } from './with-queries.ts';

/**
 * Silence of the canary alone is no outage of monitoring. An idle canary is scraped all the same. `null`: it is there, or
 * nobody is.
 */
export function canaryGone(input: JudgeInput, canarySeenAtMs: number | null, nodataTimeoutMs: number): Verdict | null {
  const { counters, arms, nowMs, liveAtMs, scrapeMs } = input;
  if (counters.kind === 'gap') return null;
  const newest = (cluster: string): number =>
    counters.series
      .filter((one) => one.cluster === cluster)
      .reduce((latest, { points }) => Math.max(latest, points.at(-1)?.[0] ?? 0), 0);
  if (nowMs - newest(arms.stable) > freshForMs(scrapeMs)) return null;
  const seenMs = Math.max(newest(arms.canary), canarySeenAtMs ?? 0) || liveAtMs;
  if (nowMs - seenMs < nodataTimeoutMs) return null;
  const spec = input.analysis.find(({ kind }) => kind !== 'query');
  if (spec === undefined || spec.kind === 'query') return null;
  const detail = `no sample of cluster ${arms.canary} for ${formatDuration(nodataTimeoutMs)}, while stable is scraped`;
  return { ...inconclusive(spec.name, 'NO_DATA', detail), verdict: 'fail' };
}
