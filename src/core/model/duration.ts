const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS;

/** Milliseconds of `1h30m`, `250ms`, `5m`; `null` when it is no duration. Bare numbers are none: their unit is a guess. */
export function parseDuration(text: string): number | null {
  if (!/^(\d{1,9}(ms|s|m|h|d))+$/.test(text)) return null;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    total += Number(digits) * UNITS[unit as Unit];
  }
  return Number.isSafeInteger(total) ? total : null;
}

/** The shortest way to write a duration, largest unit first: 90,000 → `1m30s`. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms);
  if (rest === 0) return '0s';
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / UNITS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNITS[unit];
  }
  return text;
}

const WORDS = { d: 'day', h: 'hour', m: 'minute', s: 'second', ms: 'millisecond' } as const;

/** As people say it: 90,000 → `1 minute 30 seconds`. */
export function durationInWords(ms: number): string {
  return [...formatDuration(ms).matchAll(/(\d+)(ms|s|m|h|d)/g)]
    .map(([, count, unit]) => `${count} ${WORDS[unit as Unit]}${count === '1' ? '' : 's'}`)
    .join(' ');
}
