import type { Logger } from '../../src/engine/ports/logger.ts';

/** A value that an Envoy's refusal quotes, as one does that prints a whole resource. Nobody may ever read it (I17). */
const SECRET = 'hunter2-of-the-simulation';

export const QUOTED_SECRET = `authorization: Bearer ${SECRET}`;

export function tellsSecret(what: unknown): boolean {
  return (typeof what === 'string' ? what : (JSON.stringify(what) ?? '')).includes(SECRET);
}

/** Keeps nothing, and reads everything. */
export function readingLogger(read: (line: string) => void): Logger {
  const say = (message: string, fields?: Readonly<Record<string, unknown>>) =>
    read(fields === undefined ? message : `${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: say, info: say, warn: say, error: say, child: () => logger };
  return logger;
}
