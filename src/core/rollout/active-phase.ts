import { isTerminal, PHASES, type Phase } from '../model/phase.ts';

/** The phase of a stored rollout that has not ended; `null`: it has, or the record is none. */
export function activePhaseOf(key: string, body: unknown): Phase | null {
  if (!key.startsWith('rollout/') || typeof body !== 'object' || body === null || !('phase' in body)) return null;
  const phase = PHASES.find((one) => one === body.phase);
  return phase === undefined || isTerminal(phase) ? null : phase;
}
