import type { EvidenceGap, JudgeInput } from './judge.ts';
import { freshForMs } from './sample-health.ts';

/** Gaps that are of this rollout alone, or of its age. */
const OWN: ReadonlySet<EvidenceGap> = new Set([
  ...(['TOO_FEW_REQUESTS', 'WARMING_UP', 'SHARED_INCIDENT', 'COVERAGE'] as const),
  ...(['ROUTING', 'SUSPICION', 'LOW_POWER'] as const),
]);

/**
 * Does nothing at all reach us of this rollout, where something should? What is odd about one analysis, or about some
 * of the Envoys, is no blindness. `lostAtMs`: when many lost their evidence, if they have not had it back; what was taken
 * before is no sign that it is.
 */
export function isBlind(
  { analysis, counters, queries, nowMs, liveAtMs, scrapeMs }: JudgeInput,
  lostAtMs: number | null = null,
): boolean {
  const young = nowMs - liveAtMs < 2 * scrapeMs;
  if (analysis.some(({ kind }) => kind !== 'query')) {
    if (counters.kind === 'gap') return !(young && counters.gap === 'NO_DATA') && !OWN.has(counters.gap);
    const newest = counters.series.reduce((latest, { points }) => Math.max(latest, points.at(-1)?.[0] ?? 0), 0);
    if (lostAtMs !== null && newest <= lostAtMs) return true;
    return !young && nowMs - newest > freshForMs(scrapeMs);
  }
  const answers = [...queries.values()];
  return answers.length > 0 && answers.every((answer) => answer.kind === 'gap' && !OWN.has(answer.gap));
}
