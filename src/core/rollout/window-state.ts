import { TOTAL_WEIGHT } from '../model/documents.ts';
import { type Standing, standingOf } from '../model/release-windows.ts';
import type { Rollout } from './rollout.ts';

export type Shut = Extract<Standing, { kind: 'shut' }>;

/**
 * Why the next move has to wait for a window; `null`: it has not. A function of the record and the time alone. `to`: where
 * it goes, `null` to all requests. @default to the next step
 */
export function shutWindow(rollout: Rollout, nowMs: number, to: number | null = rollout.step + 1): Shut | null {
  const { windows } = rollout.spec;
  if (windows === undefined || !givesMore(rollout, to)) return null;
  const standing = standingOf(windows, nowMs);
  return standing.kind === 'shut' ? standing : null;
}

/** A step that repeats the one before gives nothing, nor does the promotion behind one of 100 %. */
function givesMore({ spec, step }: Rollout, to: number | null): boolean {
  const { steps } = spec.strategy;
  const [now, next] = [steps[step], to === null ? undefined : steps[to]];
  if (now === undefined) return true;
  if (next === undefined) return now.weight < TOTAL_WEIGHT;
  const isPinnedElse = next.matches.length > 0 && JSON.stringify(next.matches) !== JSON.stringify(now.matches);
  const weights = Object.entries(next.weights ?? {});
  const isMore = next.weight > now.weight || weights.some(([arm, share]) => share > (now.weights?.[arm] ?? 0));
  return isMore || (next.mirror ?? 0) > (now.mirror ?? 0) || isPinnedElse;
}
