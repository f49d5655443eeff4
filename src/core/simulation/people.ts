import { isApproved } from '../rollout/approval-state.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { PeopleWorld } from './world.ts';

export interface Approval {
  readonly atMs: number;
  readonly by: string;
}

/** When the open gate of a rollout gets its approval, and whose; `null`: none is waited for, or nobody gives it. */
export function approvalOf(rollout: Rollout, { approve, as }: PeopleWorld): Approval | null {
  const { phase, gate, attempt, step, spec, paused } = rollout;
  const now = spec.strategy.steps[step];
  if (phase !== 'stepping' || now?.approve !== true || gate?.attempt !== attempt || isApproved(rollout)) return null;
  const afterMs = typeof approve === 'number' ? approve : (approve?.get(now.name) ?? null);
  if (afterMs === null || paused !== null) return null;
  return { atMs: gate.sinceMs + afterMs, by: as ?? now.approval?.by[0] ?? 'a person' };
}
