import pc from 'picocolors';
import type { DestinationStream } from 'pino';

const LEVELS: Readonly<Record<string, (text: string) => string>> = {
  debug: pc.dim,
  info: pc.green,
  warn: pc.yellow,
  error: pc.red,
};
/** Known to whoever looks at a terminal. */
const LEFT_OUT = new Set(['level', 'time', 'service', 'msg', 'pid', 'hostname']);

/** Turns the log's JSON lines into lines for people: `14:02:11 warn  message  field=value`. */
export function humanLog(to: { write(text: string): unknown }): DestinationStream {
  return { write: (line) => void to.write(humanLine(line)) };
}

export function humanLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, msg } = entry;
  const name = String(level);
  const clock = typeof time === 'string' ? time.slice(11, 19) : '';
  const fields = Object.entries(entry)
    .filter(([key]) => !LEFT_OUT.has(key))
    .map(([key, value]) => pc.dim(`${key}=`) + shown(value));
  const words = [pc.dim(clock), (LEVELS[name] ?? String)(name.padEnd(5)), String(msg), ...fields];
  return `${words.join('  ')}\n`;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // Control characters of others stay words: `JSON.stringify` leaves some of them as they are.
  if (/^[^\s"=\p{Cc}]+$/u.test(text)) return text;
  return JSON.stringify(text).replace(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
