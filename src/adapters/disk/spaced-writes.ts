import type { Clock, Timer } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import { diskReason } from './files.ts';

export interface SpacedWritesOptions {
  readonly path: string;
  readonly everyMs: number;
  readonly isDue: () => boolean;
  /** Writes what is due; throws when the disk does not take it, and is called again. */
  readonly write: () => Promise<void>;
  readonly says: { readonly failed: string; readonly again: string };
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly logger: Logger;
}

export interface SpacedWrites {
  /** There is something to write: soon, and at most once in so long. Nobody waits for it. */
  arm(): void;
  onFailure(listener: () => void): void;
  /** For a failure elsewhere, of which the listener is to hear as well. */
  failed(): void;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}

/** One write at a time, spaced out. A disk that fails is named once, until it works again. */
export function spacedWrites(options: SpacedWritesOptions): SpacedWrites {
  const { path, everyMs, isDue, says, clock, logger } = options;
  let wroteAtMs = Number.NEGATIVE_INFINITY;
  let timer: Timer | null = null;
  let writing: Promise<void> | null = null;
  let closed = false;
  let failing = false;
  let listener = (): void => {};

  const write = async (): Promise<void> => {
    wroteAtMs = clock.monotonicMs();
    try {
      await options.write();
      if (failing) logger.info(says.again);
      failing = false;
    } catch (error) {
      listener();
      if (!failing) logger.error(says.failed, { path, detail: diskReason(error) });
      failing = true;
    }
  };
  const run = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = null;
      arm();
    });
    return writing;
  };
  const arm = (): void => {
    if (closed || timer !== null || writing !== null || !isDue()) return;
    timer = clock.setTimer(Math.max(0, wroteAtMs + everyMs - clock.monotonicMs()), () => {
      timer = null;
      void run();
    });
  };
  return {
    arm,
    onFailure: (heard) => {
      listener = heard;
    },
    failed: () => listener(),
    async close() {
      closed = true;
      timer?.cancel();
      await writing;
      if (isDue()) await run();
    },
  };
}
