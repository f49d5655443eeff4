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
    debug: (message, fields = {}) => log.debug(written(fields), message),
    info: (message, fields = {}) => log.info(written(fields), message),
    warn: (message, fields = {}) => log.warn(written(fields), message),
    error: (message, fields = {}) => log.error(written(fields), message),
    child: (fields) => wrap(log.child(fields)),
  };
}

const STACK_LINES = 20;

/** JSON knows no Error and would write `{}`. */
function written(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? shown(value) : value]),
  );
}

function shown({ name, message, stack = '' }: Error): unknown {
  return { name, message: message.slice(0, 2_000), stack: stack.slice(0, 8_000).split('\n', STACK_LINES).join('\n') };
}
