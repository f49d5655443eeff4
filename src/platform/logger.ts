import { type DestinationStream, pino } from 'pino';
import type { Logger } from '../engine/ports/logger.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields whose names promise a secret are never written. */
const SECRET_FIELDS = [
  'token',
  'secret',
  'password',
  'authorization',
  'url',
  '*.token',
  '*.secret',
  '*.password',
  '*.authorization',
  '*.url',
];

/** JSON lines: `time` ISO, `level` by name, `msg`, `service`, and the fields of the message. */
export function createLogger(options: { readonly level: LogLevel; readonly to: DestinationStream }): Logger {
  const root = pino(
    {
      level: options.level,
      base: { service: 'serin' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: SECRET_FIELDS, censor: '[secret]' },
    },
    options.to,
  );
  return wrap(root);
}

function wrap(log: pino.Logger): Logger {
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
    child: (fields) => wrap(log.child(fields)),
  };
}
