import type { Clock, Timer } from '../../src/engine/ports/clock.ts';
import type { DueSet, Subject } from '../../src/engine/ports/store.ts';
import type { WakeUps } from '../../src/engine/ports/wake-ups.ts';

export interface FakeWakeUpsOptions {
  readonly due: DueSet;
  readonly clock: Clock;
  /** @default 2000 */
  readonly sweepMs?: number;
  /** @default 5000 */
  readonly leaseMs?: number;
  /** What becomes of a kick: it is lost, runs once or runs twice. @default 1 always */
  readonly runsPerKick?: () => 0 | 1 | 2;
  /** A handler that throws is a bug under test; by default it is an unhandled rejection, which fails the run. */
  readonly onError?: (subject: Subject, error: unknown) => void;
}

/** The store's clock may be a little behind ours: do not spin until it gets there. */
const EARLY_MS = 25;

/** Wake-ups of one replica under a clock of the test's own, by the rules of the real ones but without BullMQ. */
export function fakeWakeUps(options: FakeWakeUpsOptions): WakeUps {
  const { due, clock, sweepMs = 2000, leaseMs = 3000, runsPerKick = () => 1 } = options;
  const timers = new Set<Timer>();
  const running = new Map<Subject, { again: boolean }>();
  let handle: ((subject: Subject, crashes: number) => Promise<void>) | null = null;
  let sweepTimer: Timer | null = null;
  let early = false;

  const later = (afterMs: number, what: () => void): Timer => {
    const timer = clock.setTimer(afterMs, () => {
      timers.delete(timer);
      what();
    });
    timers.add(timer);
    return timer;
  };
  const run = async (subject: Subject, crashes = 0): Promise<void> => {
    const active = running.get(subject);
    if (handle === null) return;
    if (active !== undefined) {
      active.again = true;
      return;
    }
    const self = { again: false };
    running.set(subject, self);
    try {
      do {
        self.again = false;
        await handle(subject, crashes);
      } while (self.again && handle !== null);
    } catch (error) {
      if (options.onError === undefined) void Promise.reject(error);
      else options.onError(subject, error);
    } finally {
      running.delete(subject);
    }
    await arm();
  };
  const arm = async (): Promise<void> => {
    const next = await due.next();
    if (handle === null) return;
    if (sweepTimer !== null) {
      sweepTimer.cancel();
      timers.delete(sweepTimer);
    }
    const inMs = next.kind === 'ok' && next.value !== null ? next.value - clock.now() : sweepMs;
    sweepTimer = later(Math.min(Math.max(inMs, early ? EARLY_MS : 0), sweepMs), () => void sweep());
  };
  const sweep = async (): Promise<void> => {
    const leased = await due.lease(100, leaseMs);
    early = leased.kind === 'ok' && leased.value.length === 0;
    if (leased.kind === 'ok') for (const { subject, crashes } of leased.value) void run(subject, crashes);
    await arm();
  };
  return {
    start: async (handler) => {
      handle = handler;
      await sweep();
    },
    giveWay: () => undefined,
    kick: (subject) => {
      for (let i = runsPerKick(); i > 0; i -= 1) later(0, () => void run(subject));
    },
    stop: async () => {
      handle = null;
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}
