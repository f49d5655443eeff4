import type { Position } from './traffic.ts';

/**
 * The older of two positions. `null` (nothing credited) wins, and so does a difference of epochs: numbers of two
 * epochs cannot be compared, so nothing is claimed until both parts have reached the same one.
 */
export function olderPosition(a: Position | null, b: Position | null): Position | null {
  if (a === null || b === null || a.epoch !== b.epoch) return null;
  return a.n <= b.n ? a : b;
}

/** Has this got as far as that? Nothing known, or another epoch, has not. */
export function hasReached(at: Position | null, position: Position | null): boolean {
  return at !== null && position !== null && at.epoch === position.epoch && at.n >= position.n;
}

export function samePosition(a: Position | null, b: Position | null): boolean {
  return a === b || (a !== null && b !== null && a.epoch === b.epoch && a.n === b.n);
}
