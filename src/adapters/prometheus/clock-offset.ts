import type { Clock } from '../../engine/ports/clock.ts';
import type { Answer } from './ask.ts';
import type { Gap } from './gap.ts';
import { readScalar } from './read-result.ts';

/** Clocks drift by little; a look a minute is enough. */
const KEEP_MS = 60_000;
/** A clock that has moved by so much more or less than time has passed was set: the store's, after a failover. */
const JUMP_MS = 250;

/**
 * By how much Prometheus' clock is ahead of ours, ms: the middle between question and answer is taken for the moment at
 * which it looked at its clock. What was measured last stays good while it is silent.
 */
export function clockOffset(
  clock: Clock,
  query: (text: string, atMs: number | null) => Promise<Answer | Gap>,
): () => Promise<number> {
  let offsetMs = 0;
  let asked: { readonly atMs: number; readonly aheadMs: number; readonly answer: Promise<void> } | null = null;
  /** @param setMs by how much our clock was set since it was asked last */
  const measure = async (setMs: number): Promise<void> => {
    const beforeMs = clock.now();
    const answer = await query('time()', null);
    const afterMs = clock.now();
    const time = answer.kind === 'gap' ? answer : readScalar(answer, beforeMs);
    if (time.kind === 'ok') offsetMs = Math.round(time.value * 1_000 - (beforeMs + afterMs) / 2);
    // It is silent: then the difference has changed by as much.
    else offsetMs -= Math.round(setMs);
  };
  return async () => {
    const atMs = clock.monotonicMs();
    const aheadMs = clock.now() - atMs;
    if (asked === null || atMs - asked.atMs >= KEEP_MS || Math.abs(aheadMs - asked.aheadMs) >= JUMP_MS) {
      asked = { atMs, aheadMs, answer: measure(asked === null ? 0 : aheadMs - asked.aheadMs) };
    }
    await asked.answer;
    return offsetMs;
  };
}
