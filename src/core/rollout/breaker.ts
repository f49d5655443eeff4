import { z } from 'zod';
import { Moment } from '../model/moment.ts';

/**
 * Shared by the whole installation. When many rollouts lose their evidence at once, it is the monitoring that failed
 * and not so many canaries: all of them hold, people are told once, and afterwards everybody is judged anew.
 */
export interface Breaker {
  /** `null`: closed. */
  readonly openSinceMs: number | null;
  /** When it was closed last; evidence from before it is not judged again. `null`: never. */
  readonly closedAtMs: number | null;
}

export const BREAKER_CLOSED: Breaker = { openSinceMs: null, closedAtMs: null };

export const BreakerRecord: z.ZodType<Breaker> = z.looseObject({
  openSinceMs: Moment.nullable(),
  closedAtMs: Moment.nullable(),
});

const LEAST = 3;
const SHARE = 0.2;

/** `blind`: of the `judged` rollouts, those that see nothing. `null`: as it is. */
export function moveBreaker(
  now: Breaker,
  { judged, blind }: { readonly judged: number; readonly blind: number },
  nowMs: number,
): Breaker | null {
  const many = blind >= LEAST && blind > SHARE * judged;
  if (many === (now.openSinceMs !== null)) return null;
  return many ? { ...now, openSinceMs: nowMs } : { openSinceMs: null, closedAtMs: nowMs };
}
