import type { Clock } from './ports/clock.ts';

/** The work's own result, or after `ms` what stands for it; the work goes on. Rejects as the work does. */
export async function inTime<T>(clock: Clock, work: Promise<T>, ms: number, late: () => T): Promise<T> {
  if (ms <= 0) return late();
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(ms, () => resolve(late()));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
