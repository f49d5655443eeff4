import type { Logger } from '../engine/ports/logger.ts';

export type LifecycleState = 'INIT' | 'READY' | 'DRAINING' | 'STOPPED';

export interface Lifecycle {
  state(): LifecycleState;
  ready(): void;
  /** Runs the stop work once; later calls wait for the same. */
  stop(): Promise<void>;
  /** Resolves when stopped. */
  readonly stopped: Promise<void>;
}

/** SIGHUP: the terminal was closed. Serin has no configuration to read again. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Until there is something to drain, a signal ends the process through its exit hooks, so that what was started
 * with it ends too. Returns how to take that back.
 */
export function exitOnSignal(): () => void {
  const exit = (): void => process.exit(1);
  for (const signal of SIGNALS) process.on(signal, exit);
  return () => {
    for (const signal of SIGNALS) process.off(signal, exit);
  };
}

/**
 * INIT → READY → DRAINING → STOPPED. The first SIGTERM, SIGINT or SIGHUP drains within the deadline,
 * a second one ends the process at once.
 */
export function createLifecycle(options: {
  readonly drain: () => Promise<void>;
  readonly deadlineMs: number;
  readonly logger: Logger;
}): Lifecycle {
  const { drain, deadlineMs, logger } = options;
  let state: LifecycleState = 'INIT';
  let stopping: Promise<void> | null = null;
  let finish: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping !== null) process.exit(1);
    logger.info('signal received; draining', { signal });
    void stop();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  /** A drain that fails has ended too: whoever waits for the stop must not wait for ever. */
  async function drained(): Promise<void> {
    try {
      await drain();
    } catch (error) {
      logger.error('drain failed', { detail: error instanceof Error ? error.message : String(error) });
    }
  }
  function stop(): Promise<void> {
    stopping ??= (async () => {
      state = 'DRAINING';
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), deadlineMs);
      });
      const outcome = await Promise.race([drained(), late]);
      clearTimeout(timer);
      if (outcome === 'late') logger.warn('drain did not end in time', { deadlineMs });
      state = 'STOPPED';
      for (const signal of SIGNALS) process.off(signal, onSignal);
      finish();
    })();
    return stopping;
  }
  return {
    state: () => state,
    ready: () => {
      if (state === 'INIT') state = 'READY';
    },
    stop,
    stopped,
  };
}
