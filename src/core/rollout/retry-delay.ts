import { createHash } from 'node:crypto';

const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;
/** Up to so much of the pause comes on top, so that the messages of one outage do not all return together. */
const SPREAD = 0.25;

/**
 * Pause before the next try of a message, ms: doubling from 1 s, spread, never above 5 min. The spread is drawn from
 * the message's id: same input, same pause, on any replica.
 *
 * @param attempt tries made so far, 1 or more
 */
export function retryDelayMs(attempt: number, noticeId: string): number {
  // 2^9 s is past the longest pause: larger exponents change nothing, and in the end would overflow.
  const exponent = Math.min(Math.max(attempt, 1) - 1, 9);
  const baseMs = Math.min(FIRST_MS * 2 ** exponent, LONGEST_MS / (1 + SPREAD));
  const draw = createHash('sha256').update(`${noticeId}\n${attempt}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.round(baseMs * (1 + SPREAD * draw));
}
