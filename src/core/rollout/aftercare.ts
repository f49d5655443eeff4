import type { CounterSeries } from '../analysis/judge.ts';
import { formatDuration } from '../model/duration.ts';
import { isTerminal } from '../model/phase.ts';
import { pinnedCluster, type Revision } from '../model/revision.ts';
import { canaryNames } from './joint.ts';
import { everyCanary } from './needs.ts';
import { tell } from './notice.ts';
import type { Rollout } from './rollout.ts';
import { change, type Draft, emit, type Observations } from './transition.ts';

/** Has it ended, with nothing left to look at? */
export function isOver({ phase, aftercare }: Rollout): boolean {
  return isTerminal(phase) && aftercare !== 'due';
}

/** When to look whether requests to the canary go on: two scrapes after the last Envoy is back; `null`: nobody measures. */
export function aftercareDueMs({ scrapeMs }: Observations, nowMs: number): number | null {
  return scrapeMs === null ? null : nowMs + 2 * scrapeMs;
}

/**
 * The one look after a way back has ended. The phase is final and stays; streams that were open when the routes went
 * back are still with the canary, since Envoy moves no request that is under way.
 */
export function aftercare(d: Draft, { counters, offsetMs = 0 }: Observations): null {
  change(d, { aftercare: 'done' });
  if (counters === null || counters.kind === 'gap') return null;
  const active = everyCanary(d.rollout).reduce(
    (sum, canary) => sum + stillActive(d.rollout, canary, counters.series, offsetMs),
    0,
  );
  if (active === 0) return null;
  const { closeStreamsAfterMs } = d.rollout.spec.onRollback;
  const end = closeStreamsAfterMs === null ? "their rule's timeout" : `${formatDuration(closeStreamsAfterMs)} of age`;
  const message = `${active} requests to ${canaryNames(d.rollout)} are still active; they end by themselves or at ${end}`;
  emit(d, 'held', message, { active });
  tell(d, 'streams', [
    ['Requests still active on the canary', String(active)],
    ['They end', `by themselves or at ${end}`],
  ]);
  return null;
}

/** The newest sample of every proxy, of the canary's clusters together. */
function stillActive({ push }: Rollout, canary: Revision, series: readonly CounterSeries[], offsetMs: number): number {
  const clusters = [canary.cluster, pinnedCluster(canary)];
  const sinceMs = (push?.liveAtMs ?? push?.committedAtMs ?? 0) + offsetMs;
  return series
    .filter(({ family, cluster }) => family === 'upstream_rq_active' && clusters.includes(cluster))
    .reduce((sum, { points }) => {
      const newest = points.at(-1);
      return sum + (newest !== undefined && newest[0] >= sinceMs ? newest[1] : 0);
    }, 0);
}
