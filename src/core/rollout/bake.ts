import type { Bake } from '../analysis/judge.ts';
import { TOTAL_WEIGHT } from '../model/documents.ts';
import type { Rollout } from './rollout.ts';
import { sampledCommitMs, sampledLiveMs } from './sample-time.ts';

/** What stable was like longer ago says nothing about now, ms. */
const LONGEST_SINCE_STABLE_MS = 3_600_000;

/**
 * Has the canary all requests on every counted Envoy, and is it watched for a while before it becomes stable? A first
 * deployment is not: there is nothing to go back to.
 */
export function isBaking(rollout: Pick<Rollout, 'phase' | 'spec' | 'push' | 'stable'>): boolean {
  return rollout.phase === 'promoting' && bakeMsOf(rollout) > 0 && rollout.push?.liveAtMs != null;
}

/** 0: none. */
export function bakeMsOf({ spec, stable }: Pick<Rollout, 'spec' | 'stable'>): number {
  return stable === null ? 0 : (spec.bakeMs ?? 0);
}

/**
 * What a judge may compare the bake with; `null`: there is no bake, or stable had its last requests too long ago (a step
 * at 100 % came before). `liveAtMs` counts anew when all its Envoys are replaced, and what stable was like does not.
 */
export function bakeOf(rollout: Rollout, offsetMs = 0): Bake | null {
  const { history, push } = rollout;
  if (!isBaking(rollout) || push === null) return null;
  // Of those steps at 100 % that lead here: behind an earlier one a person may have gone back.
  const since = history[history.findLastIndex(({ weight }) => weight !== TOTAL_WEIGHT) + 1];
  const stableUntilMs = sampledCommitMs(since ?? push, offsetMs);
  const liveAtMs = sampledLiveMs(push, offsetMs);
  if (liveAtMs === null || liveAtMs - stableUntilMs > LONGEST_SINCE_STABLE_MS) return null;
  return { stableUntilMs, liveAtMs, forMs: bakeMsOf(rollout) };
}
