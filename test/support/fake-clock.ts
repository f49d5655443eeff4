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
  /** Timers fired so far. */
  fired(): number;
}

const FAKE_START_MS = Date.UTC(2026, 0, 1);

interface Waiting {
  readonly atMs: number;
  readonly order: number;
  /** `null`: cancelled. */
  fire: (() => void) | null;
}

export function fakeClock(startMs: number = FAKE_START_MS): FakeClock {
  let now = startMs;
  let order = 0;
  let fired = 0;
  const waiting = new TimerHeap();
  // A macrotask comes only after every microtask, however long their chain.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    now: () => now,
    monotonicMs: () => now - startMs,
    setTimer: (afterMs, fire): Timer => {
      order += 1;
      const timer: Waiting = { atMs: now + Math.max(0, afterMs), order, fire };
      waiting.push(timer);
      return {
        cancel: () => {
          timer.fire = null;
        },
      };
    },
    advance: async (ms) => {
      const end = now + ms;
      await settle();
      for (let first = waiting.first(); first !== null && first.atMs <= end; first = waiting.first()) {
        waiting.shift();
        now = Math.max(now, first.atMs);
        const { fire } = first;
        first.fire = null;
        fired += 1;
        fire?.();
        await settle();
      }
      now = end;
    },
    settle,
    timers: () => waiting.moments(),
    fired: () => fired,
  };
}

/** Binary heap by moment, then by order of setting: a world of many replicas sets many timers. */
class TimerHeap {
  readonly #items: Waiting[] = [];

  push(timer: Waiting): void {
    this.#items.push(timer);
    let at = this.#items.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfLater(parent, at)) break;
      at = parent;
    }
  }

  /** The earliest one that was not cancelled. */
  first(): Waiting | null {
    while (this.#items[0]?.fire === null) this.shift();
    return this.#items[0] ?? null;
  }

  moments(): readonly number[] {
    return this.#items.flatMap(({ atMs, fire }) => (fire === null ? [] : [atMs])).sort((a, b) => a - b);
  }

  shift(): void {
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return;
    this.#items[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const child = this.#isLater(left, left + 1) ? left + 1 : left;
      if (!this.#swapIfLater(at, child)) return;
      at = child;
    }
  }

  #isLater(a: number, b: number): boolean {
    const [one, other] = [this.#items[a], this.#items[b]];
    if (one === undefined || other === undefined) return false;
    return one.atMs > other.atMs || (one.atMs === other.atMs && one.order > other.order);
  }

  #swapIfLater(a: number, b: number): boolean {
    const [one, other] = [this.#items[a], this.#items[b]];
    if (one === undefined || other === undefined || !this.#isLater(a, b)) return false;
    this.#items[a] = other;
    this.#items[b] = one;
    return true;
  }
}
