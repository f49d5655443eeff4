import type { Logger } from '../../src/engine/ports/logger.ts';

/** For tests that look at behaviour alone. */
export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};
