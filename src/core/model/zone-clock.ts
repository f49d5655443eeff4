/**
 * What clocks and calendars of a zone show at a moment: the ms at which UTC's would show the same. A pure function of
 * both, and of the zones that come with Node.
 */
export type ZoneClock = (ms: number) => number;

/** `null`: Node knows no such zone. */
export function zoneClock(zone: string): ZoneClock | null {
  const format = formatOf(zone);
  if (format === null) return null;
  return (ms) => {
    const shown = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const [year, month, day, hour, minute, second] = PARTS.map((part) => shown.get(part) ?? 0);
    const wholeMs = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second);
    return wholeMs + (ms - Math.floor(ms / 1_000) * 1_000);
  };
}

const PARTS = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const;

/** To make one takes a hundred times as long as to ask it; of names that are none nothing is kept. */
const made = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  const before = made.get(timeZone);
  if (before !== undefined) return before;
  const numeric = 'numeric';
  const parts = {
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  } as const;
  try {
    const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', { timeZone, hourCycle: 'h23', ...parts });
    made.set(timeZone, format);
    return format;
  } catch {
    return null;
  }
}
