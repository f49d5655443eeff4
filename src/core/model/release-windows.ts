import { type FreezeSpec, type OpenSpec, WEEKDAYS, type WindowsSpec } from './documents.ts';
import { type ZoneClock, zoneClock } from './zone-clock.ts';

/**
 * When a plan's windows are open. What counts is what clocks and calendars of the zone show: a minute that comes twice
 * when they are set back is open twice, and one that they skip never comes.
 */

export const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** In no stretch of this length are clocks set forward and back again. */
const STRETCH_MS = DAY_MS / 4;
/** Clocks may never show a time, so the search has an end. */
const LONGEST_SEARCH = 4_000;

export type Standing =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'shut';
      /** The first moment that is open; `null`: none was found, or the zone is unknown here. */
      readonly opensAtMs: number | null;
      /** The same as clocks of the zone show it, `Mon 2026-11-30 09:00`. */
      readonly opensAt: string | null;
      /** What keeps it shut now; `null`: no freeze does. */
      readonly freeze: FreezeSpec | null;
    };

export function standingOf(windows: WindowsSpec, nowMs: number): Standing {
  const clock = zoneClock(windows.zone);
  // Shut: another engine may know the zone, and this one cannot tell.
  if (clock === null) return { kind: 'shut', opensAtMs: null, opensAt: null, freeze: null };
  const rules = rulesOf(windows);
  const shownMs = clock(nowMs);
  if (isOpen(rules, shownMs)) return { kind: 'open' };
  const opensAtMs = nextOpening(rules, clock, nowMs);
  const day = dayOf(shownMs);
  return {
    kind: 'shut',
    opensAtMs,
    opensAt: opensAtMs === null ? null : shown(clock(opensAtMs)),
    freeze: windows.freezes.find(({ from, to }) => isWithin(day, dayNumber(from), dayNumber(to))) ?? null,
  };
}

/** Day by day from Monday: is this minute of a week open, freezes aside? */
export function openInWeek({ open }: Pick<WindowsSpec, 'open'>): readonly boolean[] {
  const rules = rulesOf({ open, freezes: [] });
  // 1970-01-05 was one.
  return Array.from({ length: 7 * 1_440 }, (_, minute) => isOpen(rules, 4 * DAY_MS + minute * MINUTE_MS));
}

/** Days since 1970-01-01; `null`: no calendar has it. */
export function parseDay(text: string): number | null {
  const [whole, year = '', month = '', day = ''] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (whole === undefined) return null;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day));
  return new Date(ms).toISOString().startsWith(text) ? ms / DAY_MS : null;
}

interface Rules {
  readonly open: readonly { readonly days: readonly boolean[]; readonly fromMs: number; readonly toMs: number }[];
  readonly freezes: readonly { readonly from: number; readonly to: number }[];
}

function rulesOf({ open, freezes }: Pick<WindowsSpec, 'open' | 'freezes'>): Rules {
  return {
    open: open.map(({ days, from, to }: OpenSpec) => ({
      ...{ days: WEEKDAYS.map((day) => days.includes(day)), fromMs: timeOfDay(from), toMs: timeOfDay(to) },
    })),
    freezes: freezes.map(({ from, to }) => ({ from: dayNumber(from), to: dayNumber(to) })),
  };
}

/** The first moment from this one on that is open; `null`: none for years. */
function nextOpening(rules: Rules, clock: ZoneClock, fromMs: number): number | null {
  let startMs = fromMs;
  for (let i = 0; i < LONGEST_SEARCH; i += 1) {
    // As long as clocks are not set, what they show goes on like time does.
    const offsetMs = clock(startMs) - startMs;
    const endMs = setAt(clock, startMs, startMs + STRETCH_MS);
    const shownMs = firstOpen(rules, startMs + offsetMs, endMs + offsetMs);
    if (shownMs !== null) return shownMs - offsetMs;
    startMs = Math.max(endMs, startMs + frozenDays(rules, startMs + offsetMs) * DAY_MS);
  }
  return null;
}

/** So many days from now it is frozen for certain, however clocks are set meanwhile. */
function frozenDays({ freezes }: Rules, shownMs: number): number {
  const day = dayOf(shownMs);
  return Math.max(0, ...freezes.filter(({ from, to }) => isWithin(day, from, to)).map(({ to }) => to - day - 2));
}

/** The first moment after `startMs` with another offset, at most `endMs`. */
function setAt(clock: ZoneClock, startMs: number, endMs: number): number {
  const offsetMs = clock(startMs) - startMs;
  const isSet = (ms: number) => clock(ms) - ms !== offsetMs;
  if (!isSet(endMs)) return endMs;
  let [before, after] = [startMs, endMs];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (isSet(middle)) after = middle;
    else before = middle;
  }
  return after;
}

/** Of moments as clocks show them. It opens where a window begins, and where a day does: a freeze may be over. */
function firstOpen(rules: Rules, fromMs: number, toMs: number): number | null {
  const times = [0, ...rules.open.map((one) => one.fromMs)];
  const begins = [];
  for (let day = dayOf(fromMs); day <= dayOf(toMs); day += 1) begins.push(...times.map((ms) => day * DAY_MS + ms));
  const later = begins.filter((ms) => ms > fromMs && ms < toMs).sort((a, b) => a - b);
  return [fromMs, ...later].find((ms) => isOpen(rules, ms)) ?? null;
}

function isOpen({ open, freezes }: Rules, shownMs: number): boolean {
  const day = dayOf(shownMs);
  if (freezes.some(({ from, to }) => isWithin(day, from, to))) return false;
  if (open.length === 0) return true;
  const timeMs = shownMs - day * DAY_MS;
  return open.some(({ days, fromMs, toMs }) => {
    const [today, yesterday] = [days[weekday(day)] === true, days[weekday(day - 1)] === true];
    if (fromMs < toMs) return today && timeMs >= fromMs && timeMs < toMs;
    return (today && timeMs >= fromMs) || (yesterday && timeMs < toMs);
  });
}

function dayOf(shownMs: number): number {
  return Math.floor(shownMs / DAY_MS);
}

/** From Monday, 0; 1970-01-01 was a Thursday. */
function weekday(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

function isWithin(day: number, from: number, to: number): boolean {
  return day >= from && day <= to;
}

function dayNumber(text: string): number {
  return parseDay(text) ?? Number.NaN;
}

function timeOfDay(text: string): number {
  const [hours = '', minutes = ''] = text.split(':');
  return (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
}

function shown(shownMs: number): string {
  const name = WEEKDAYS[weekday(dayOf(shownMs))] ?? '';
  const [day, time] = new Date(shownMs).toISOString().split('T');
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)} ${day} ${time?.slice(0, 5)}`;
}
