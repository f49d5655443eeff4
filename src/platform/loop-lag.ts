import type { Clock, Timer } from '../engine/ports/clock.ts';

const EVERY_MS = 500;

/** Tells, twice a second, how late the event loop came to a timer. Returns how to stop. */
export function watchLoopLag(clock: Pick<Clock, 'monotonicMs' | 'setTimer'>, tell: (ms: number) => void): () => void {
  let timer: Timer;
  const next = (): void => {
    const dueMs = clock.monotonicMs() + EVERY_MS;
    timer = clock.setTimer(EVERY_MS, () => {
      tell(Math.max(0, clock.monotonicMs() - dueMs));
      next();
    });
  };
  next();
  return () => timer.cancel();
}
