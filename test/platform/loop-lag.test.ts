import { expect, it } from 'vitest';
import type { Clock } from '../../src/engine/ports/clock.ts';
import { watchLoopLag } from '../../src/platform/loop-lag.ts';

/** A clock whose only timer fires when the test says so. */
function lateClock() {
  let now = 0;
  let waiting: { readonly atMs: number; readonly fire: () => void } | null = null;
  const clock: Pick<Clock, 'monotonicMs' | 'setTimer'> = {
    monotonicMs: () => now,
    setTimer: (afterMs, fire) => {
      waiting = { atMs: now + afterMs, fire };
      return {
        cancel: () => {
          waiting = null;
        },
      };
    },
  };
  return {
    clock,
    waits: () => waiting !== null,
    fire: (lateMs: number) => {
      const due = waiting;
      waiting = null;
      now = (due?.atMs ?? now) + lateMs;
      due?.fire();
    },
  };
}

it('tells how late each timer came, and stops', () => {
  const { clock, fire, waits } = lateClock();
  const told: number[] = [];
  const stop = watchLoopLag(clock, (ms) => told.push(ms));
  for (const lateMs of [0, 300, 2, -1]) fire(lateMs);
  expect(told).toEqual([0, 300, 2, 0]);
  expect(waits()).toBe(true);
  stop();
  expect(waits()).toBe(false);
});
