import type { Phase } from '../../../src/core/model/phase.ts';
import type { EventBody, RolloutBody } from '../../../src/surfaces/api/schemas.ts';
import type { History, RolloutHistory } from '../../../tools/fault/history.ts';

export const at = (second: number): number => second * 1_000;
const iso = (second: number): string => new Date(at(second)).toISOString();

export function event(
  second: number,
  type: string,
  phase: Phase,
  { step = -1, ...data }: { readonly step?: number; readonly weight?: number; readonly outcome?: Phase } = {},
): EventBody {
  return { id: `${at(second)}-0`, type, at: iso(second), by: 'serin', phase, step, message: '', data };
}

export const NOTHING: History = {
  rollouts: [],
  weights: [],
  messages: [],
  failures: [],
  outages: [],
  absences: [],
  stalls: [],
};

/** Two steps, then all of it. */
export function promoted(id: string): RolloutHistory {
  return history(id, 'good', 'promoted', [
    event(1, 'started', 'pending'),
    event(2, 'phase', 'preparing'),
    event(3, 'step', 'stepping', { step: 0, weight: 10 }),
    event(4, 'step', 'stepping', { step: 1, weight: 50 }),
    event(5, 'step', 'promoting', { step: 1, weight: 100 }),
    event(6, 'finished', 'promoted', { step: 1, outcome: 'promoted' }),
  ]);
}

/** One step, then back. */
export function reverted(id: string): RolloutHistory {
  const rollout = history(id, 'bad', 'rolled_back', [
    event(1, 'started', 'pending'),
    event(3, 'step', 'stepping', { step: 0, weight: 10 }),
    event(5, 'phase', 'rolling_back', { step: 0 }),
    event(5, 'step', 'rolling_back', { step: 0, weight: 0 }),
    event(7, 'finished', 'rolled_back', { step: 0, outcome: 'rolled_back' }),
  ]);
  return { ...rollout, final: { ...rollout.final, cause: { kind: 'analysis' } as RolloutBody['cause'] } };
}

function history(id: string, kind: RolloutHistory['kind'], phase: Phase, events: readonly EventBody[]): RolloutHistory {
  const final = { id, phase, createdAt: iso(1), cause: null, waitingFor: '' } as unknown as RolloutBody;
  return {
    id,
    backend: 'shop',
    kind,
    aborted: 'no',
    canaryCluster: `${id}-canary`,
    stableCluster: 'stable',
    final,
    events,
  };
}
