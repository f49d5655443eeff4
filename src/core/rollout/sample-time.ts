import type { Push, StepRecord } from './rollout.ts';

/**
 * Times of a record by the clock that stamps the samples. The store's clock may be set while a rollout runs (a failover to
 * a machine whose clock differs); what was noted before is converted by the difference of then. `offsetMs`: today's.
 */

/** When it was committed. */
export function sampledCommitMs(
  { committedAtMs, offsetMs: then }: Pick<Push | StepRecord, 'committedAtMs' | 'offsetMs'>,
  offsetMs: number,
): number {
  return committedAtMs + (then ?? offsetMs);
}

/** When the present change was live everywhere; `null`: not yet. */
export function sampledLiveMs(push: Pick<Push, 'liveAtMs' | 'offsetMs' | 'liveOffsetMs'>, offsetMs: number) {
  return push.liveAtMs === null ? null : push.liveAtMs + (push.liveOffsetMs ?? liveOffsetMs(push, offsetMs));
}

/** When a step that was left had been live everywhere. */
export function sampledStepLiveMs(
  { liveAtMs, offsetMs: then }: Pick<StepRecord, 'liveAtMs' | 'offsetMs'>,
  offsetMs: number,
) {
  return liveAtMs === null ? null : liveAtMs + (then ?? offsetMs);
}

/** Set between the commit and the last ACK, or after that? The later of both times lets less count, and nothing too early. */
export function liveOffsetMs({ offsetMs: then }: Pick<Push, 'offsetMs'>, offsetMs: number): number {
  return Math.max(then ?? offsetMs, offsetMs);
}
