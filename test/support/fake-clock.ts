import type { Clock, Timer } from '../../src/engine/ports/clock.ts';

/** Time that only moves when the test says so. */
export interface FakeClock extends Clock {
  /**
   * Moves on by `ms`, firing every timer at its own moment, in order. After each one all promises that can settle
   * without time do so, and timers set meanwhile take part.
   */
  advance(ms: number): Promise<void>;
  /** Lets promises settle without moving the time. */
  settle(): Promise<void>;
  /** Moments of the timers that wait, earliest first. */
  timers(): readonly number[];
}

const FAKE_START_MS = Date.UTC(2026, 0, 1);

export function fakeClock(startMs: number = FAKE_START_MS): FakeClock {
  let now = startMs;
  let order = 0;
  const waiting = new Map<number, { readonly atMs: number; readonly order: number; readonly fire: () => void }>();
  // A macrotask comes only after every microtask, however long their chain.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const sorted = () => [...waiting.values()].sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  return {
    now: () => now,
    monotonicMs: () => now - startMs,
    setTimer: (afterMs, fire): Timer => {
      order += 1;
      const id = order;
      waiting.set(id, { atMs: now + Math.max(0, afterMs), order: id, fire });
      return { cancel: () => waiting.delete(id) };
    },
    advance: async (ms) => {
      const end = now + ms;
      await settle();
      for (let first = sorted()[0]; first !== undefined && first.atMs <= end; first = sorted()[0]) {
        now = Math.max(now, first.atMs);
        waiting.delete(first.order);
        first.fire();
        await settle();
      }
      now = end;
    },
    settle,
    timers: () => sorted().map(({ atMs }) => atMs),
  };
}
