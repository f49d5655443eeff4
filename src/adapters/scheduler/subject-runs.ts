import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Subject } from '../../engine/ports/store.ts';

/** The runs under way in this process: one per subject, and one more after it for all that asked meanwhile. */
export interface Runs {
  /** Resolves when the run that covers this request has ended; never rejects. */
  run(subject: Subject, crashes: number): Promise<void>;
  active(): number;
  /** Waits until nothing is under way; `false` when the deadline passes first. */
  drain(clock: Clock, deadlineMs: number): Promise<boolean>;
}

interface Run {
  again: boolean;
  crashes: number;
  ended: Promise<void>;
}

export function subjectRuns(options: {
  readonly handle: (subject: Subject, crashes: number) => Promise<void>;
  readonly logger: Logger;
  readonly onRunEnd: (subject: Subject) => void;
  readonly onThrow: (subject: Subject) => void;
}): Runs {
  const { handle, logger, onRunEnd, onThrow } = options;
  const runs = new Map<Subject, Run>();
  let draining = false;

  const loop = async (subject: Subject, self: Run): Promise<void> => {
    do {
      self.again = false;
      try {
        await handle(subject, self.crashes);
      } catch (error) {
        // Outages are values; what is thrown is a bug. The lease brings the subject back.
        logger.error('a wake-up handler threw', {
          subject,
          error: error instanceof Error ? error.stack : String(error),
        });
        onThrow(subject);
      }
    } while (self.again && !draining);
    runs.delete(subject);
    onRunEnd(subject);
  };

  return {
    run: (subject, crashes) => {
      const active = runs.get(subject);
      if (active !== undefined) {
        active.again = true;
        active.crashes = crashes;
        return active.ended;
      }
      const self: Run = { again: false, crashes, ended: Promise.resolve() };
      runs.set(subject, self);
      self.ended = loop(subject, self);
      return self.ended;
    },
    active: () => runs.size,
    drain: async (clock, deadlineMs) => {
      draining = true;
      const all = Promise.all([...runs.values()].map(({ ended }) => ended));
      let cancel = (): void => undefined;
      const deadline = new Promise<boolean>((resolve) => {
        const timer = clock.setTimer(deadlineMs, () => resolve(false));
        cancel = () => timer.cancel();
      });
      const ended = await Promise.race([all.then(() => true), deadline]);
      cancel();
      return ended;
    },
  };
}
