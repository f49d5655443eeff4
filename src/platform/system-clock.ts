import type { Clock, Timer } from '../engine/ports/clock.ts';

export interface SystemClock extends Clock {
  /** Makes `now()` continue from the store's clock, read just now. */
  follow(storeTimeMs: number): void;
  /**
   * How far a clock has jumped against the monotonic one: the larger of this machine's wall clock and the
   * store's, ms. A new difference that stays the same for `settleMs` is taken as the truth and becomes 0.
   */
  driftMs(): number;
}

export interface TimeSources {
  /** Epoch ms. @default Date.now */
  readonly wallMs?: () => number;
  /** Ms that never run backwards. @default performance.now */
  readonly monotonicMs?: () => number;
  /** @default 60000 */
  readonly settleMs?: number;
}

/** Differences that NTP slews away are no jump. */
const STEADY_MS = 500;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The real clock. Between two looks at the store's clock it runs on the monotonic one, so a wall clock set by hand moves nothing. */
export function createSystemClock(sources: TimeSources = {}): SystemClock {
  const { wallMs = Date.now, monotonicMs = () => performance.now(), settleMs = 60_000 } = sources;
  let offsetMs = wallMs() - monotonicMs();
  const wall = steadyOffset(offsetMs, settleMs);
  let store: Steady | null = null;
  return {
    now: () => Math.round(monotonicMs() + offsetMs),
    monotonicMs,
    setTimer: (afterMs, fire) => realTimer(afterMs, fire),
    follow: (storeTimeMs) => {
      const at = monotonicMs();
      offsetMs = storeTimeMs - at;
      store ??= steadyOffset(offsetMs, settleMs);
      store.see(offsetMs, at);
      wall.see(wallMs() - at, at);
    },
    driftMs: () => {
      const at = monotonicMs();
      wall.see(wallMs() - at, at);
      return Math.round(Math.max(wall.driftMs(), store?.driftMs() ?? 0));
    },
  };
}

interface Steady {
  see(offsetMs: number, atMs: number): void;
  driftMs(): number;
}

function steadyOffset(firstMs: number, settleMs: number): Steady {
  let trusted = firstMs;
  let seen = firstMs;
  let sinceMs: number | null = null;
  return {
    see: (offsetMs, atMs) => {
      if (sinceMs === null || Math.abs(offsetMs - seen) > STEADY_MS) sinceMs = atMs;
      if (Math.abs(offsetMs - trusted) <= STEADY_MS || atMs - sinceMs >= settleMs) trusted = offsetMs;
      seen = offsetMs;
    },
    driftMs: () => Math.abs(seen - trusted),
  };
}

function realTimer(afterMs: number, fire: () => void): Timer {
  // Node fires a timer beyond this at once. Waking early is harmless: whoever waits looks at the clock again.
  const timer = setTimeout(fire, Math.min(Math.max(0, afterMs), LONGEST_TIMER_MS));
  return { cancel: () => clearTimeout(timer) };
}
