import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OpenSpec, WEEKDAYS, type WindowsSpec } from '../../../src/core/model/documents.ts';
import { openInWeek, parseDay, standingOf } from '../../../src/core/model/release-windows.ts';
import { zoneClock } from '../../../src/core/model/zone-clock.ts';

const MINUTE_MS = 60_000;
const ms = (text: string): number => Date.parse(text);
const daily = (from: string, to: string, days: OpenSpec['days'] = WEEKDAYS): OpenSpec => ({ days, from, to });

function windows(zone: string, open: readonly OpenSpec[], freezes: WindowsSpec['freezes'] = []): WindowsSpec {
  return { zone, open, freezes };
}

/** The next moment that is open, as UTC's clock shows it. */
function next(spec: WindowsSpec, from: string): string | null {
  const standing = standingOf(spec, ms(from));
  const atMs = standing.kind === 'open' ? ms(from) : standing.opensAtMs;
  return atMs === null ? null : new Date(atMs).toISOString();
}

/** What is open within so many minutes, in stretches of quarters of an hour. */
function stretches(spec: WindowsSpec, from: string, minutes: number): readonly string[] {
  const found: string[] = [];
  let begin: string | null = null;
  for (let i = 0; i <= minutes; i += 15) {
    const at = ms(from) + i * MINUTE_MS;
    const text = new Date(at).toISOString().slice(11, 16);
    const open = i < minutes && standingOf(spec, at).kind === 'open';
    if (open && begin === null) begin = text;
    if (!open && begin !== null) {
      found.push(`${begin}-${text}`);
      begin = null;
    }
  }
  return found;
}

describe('a window that cannot be told', () => {
  it('of a zone that is unknown here is shut, and has no time', () => {
    const standing = standingOf(windows('Mars/Olympus', [daily('09:00', '16:00')]), ms('2026-11-27T12:00Z'));
    expect(standing).toEqual({ kind: 'shut', opensAtMs: null, opensAt: null, freeze: null });
    expect(zoneClock('Mars/Olympus')).toBeNull();
  });

  it('a day that no calendar has is none', () => {
    expect(['2026-02-29', '2026-13-01', '2026-00-10', '26-01-01', ''].map(parseDay)).toEqual(Array(5).fill(null));
    expect(parseDay('2028-02-29')).toBe(ms('2028-02-29T00:00Z') / 86_400_000);
  });

  it('of which no clock shows a minute never opens, and the search ends', () => {
    const spec = windows('UTC', [{ days: [], from: '09:00', to: '10:00' }]);
    expect(next(spec, '2026-11-27T12:00:00Z')).toBeNull();
  });
});

describe('a window', () => {
  const work = windows('Europe/Berlin', [
    daily('09:00', '16:00', ['mon', 'tue', 'wed', 'thu']),
    daily('09:00', '12:00', ['fri']),
  ]);

  it('is open from its first minute to the last one before its end, by clocks of the zone', () => {
    expect(next(work, '2026-11-27T10:59:59.999Z')).toBe('2026-11-27T10:59:59.999Z');
    expect(next(work, '2026-11-27T11:00:00.000Z')).toBe('2026-11-30T08:00:00.000Z');
    expect(next(work, '2026-11-30T07:59:59.999Z')).toBe('2026-11-30T08:00:00.000Z');
    expect(next(work, '2026-07-06T06:59:00Z')).toBe('2026-07-06T07:00:00.000Z');
  });

  it('says when it opens as people there read it', () => {
    expect(standingOf(work, ms('2026-11-27T19:00Z'))).toEqual({
      ...{ kind: 'shut', opensAtMs: ms('2026-11-30T08:00Z'), opensAt: 'Mon 2026-11-30 09:00', freeze: null },
    });
  });

  it('over midnight belongs to the day on which it begins', () => {
    const night = windows('UTC', [daily('22:00', '02:00', ['fri'])]);
    expect(stretches(night, '2026-11-27T20:00:00Z', 24 * 60)).toEqual(['22:00-02:00']);
    expect(next(night, '2026-11-28T02:00:00Z')).toBe('2026-12-04T22:00:00.000Z');
    expect(next(night, '2026-11-27T01:00:00Z')).toBe('2026-11-27T22:00:00.000Z');
  });

  it('to 24:00 and one from 00:00 on the next day are one stretch', () => {
    const spec = windows('UTC', [daily('20:00', '24:00', ['mon']), daily('00:00', '03:00', ['tue'])]);
    expect(stretches(spec, '2026-11-30T12:00:00Z', 24 * 60)).toEqual(['20:00-03:00']);
  });

  it('may have a zone that is half an hour off', () => {
    const spec = windows('Asia/Kolkata', [daily('09:00', '16:00')]);
    expect(next(spec, '2026-11-27T12:00:00Z')).toBe('2026-11-28T03:30:00.000Z');
  });
});

describe('when clocks are set', () => {
  it('a minute that never comes is not open; the window opens where clocks go on', () => {
    // Berlin, 2026-03-29: after 01:59 comes 03:00.
    const within = windows('Europe/Berlin', [daily('02:10', '02:50')]);
    expect(next(within, '2026-03-28T22:00:00Z')).toBe('2026-03-30T00:10:00.000Z');
    const beyond = windows('Europe/Berlin', [daily('02:30', '04:00')]);
    expect(stretches(beyond, '2026-03-29T00:00:00Z', 180)).toEqual(['01:00-02:00']);
  });

  it('a minute that comes twice is open twice', () => {
    // Berlin, 2026-10-25: after 02:59 comes 02:00.
    const spec = windows('Europe/Berlin', [daily('02:00', '02:30')]);
    expect(stretches(spec, '2026-10-24T22:00:00Z', 300)).toEqual(['00:00-00:30', '01:00-01:30']);
    expect(next(spec, '2026-10-25T00:30:00Z')).toBe('2026-10-25T01:00:00.000Z');
  });

  it('a window over midnight with the change in it is an hour shorter, or longer', () => {
    const spec = windows('America/New_York', [daily('22:00', '04:00', ['sat'])]);
    expect(stretches(spec, '2026-03-08T00:00:00Z', 24 * 60)).toEqual(['03:00-08:00']);
    expect(stretches(spec, '2026-10-31T20:00:00Z', 24 * 60)).toEqual(['02:00-09:00']);
  });

  it('by half an hour, or at midnight, it is the same', () => {
    // Lord Howe, 2026-10-04: after 01:59 comes 02:30.
    const island = windows('Australia/Lord_Howe', [daily('02:15', '02:45')]);
    expect(next(island, '2026-10-03T15:00:00Z')).toBe('2026-10-03T15:30:00.000Z');
    // Beirut, 2026-03-29: after 23:59 comes 01:00, so a day begins there.
    const morning = windows('Asia/Beirut', [], [{ from: '2026-03-28', to: '2026-03-28' }]);
    expect(next(morning, '2026-03-28T12:00:00Z')).toBe('2026-03-28T22:00:00.000Z');
  });
});

describe('a freeze', () => {
  const open = [daily('09:00', '16:00')];
  const year = { from: '2026-12-20', to: '2027-01-06', reason: 'end of year' };

  it('is from the first minute of its first day to the last one of its last, in the zone', () => {
    const spec = windows('Europe/Berlin', [], [year]);
    expect(next(spec, '2026-12-19T22:59:59.999Z')).toBe('2026-12-19T22:59:59.999Z');
    expect(next(spec, '2026-12-19T23:00:00.000Z')).toBe('2027-01-06T23:00:00.000Z');
  });

  it('wins over what is open, and cuts a night', () => {
    expect(next(windows('Europe/Berlin', open, [year]), '2026-12-21T10:00:00Z')).toBe('2027-01-07T08:00:00.000Z');
    const night = windows('UTC', [daily('22:00', '02:00')], [{ from: '2026-12-20', to: '2026-12-20' }]);
    expect(stretches(night, '2026-12-19T20:00:00Z', 36 * 60)).toEqual(['22:00-00:00', '00:00-02:00']);
  });

  it('may overlap another one or follow it: both count, and the first of the list is named', () => {
    const more = { from: '2027-01-02', to: '2027-01-10', reason: 'stocktaking' };
    const spec = windows('UTC', open, [year, more, { from: '2027-01-11', to: '2027-01-12' }]);
    expect(standingOf(spec, ms('2027-01-03T10:00Z'))).toMatchObject({
      ...{ opensAtMs: ms('2027-01-13T09:00Z'), freeze: year },
    });
    expect(standingOf(spec, ms('2027-01-08T10:00Z'))).toMatchObject({ freeze: more });
  });

  it('of one day is that day', () => {
    const spec = windows('UTC', [], [{ from: '2026-12-24', to: '2026-12-24' }]);
    expect(next(spec, '2026-12-24T00:00:00Z')).toBe('2026-12-25T00:00:00.000Z');
  });

  it('for years on end is looked through', () => {
    const years = Array.from({ length: 8 }, (_, i) => ({ from: `${2027 + i}-01-01`, to: `${2027 + i}-12-31` }));
    expect(next(windows('Europe/Berlin', open, years), '2027-01-01T12:00:00Z')).toBe('2035-01-01T08:00:00.000Z');
  });
});

it('a week has the minutes of its windows, from Monday on', () => {
  const week = openInWeek({ open: [daily('00:00', '00:02', ['mon']), daily('23:59', '00:01', ['sun'])] });
  expect(week.flatMap((open, minute) => (open ? [minute] : []))).toEqual([0, 1, 7 * 1_440 - 1]);
  expect(openInWeek({ open: [] }).every(Boolean)).toBe(true);
});

/** Told another way: by what the zone's clock prints. */
function isOpenAsPrinted({ open, freezes }: WindowsSpec, print: Intl.DateTimeFormat, atMs: number): boolean {
  const parts = Object.fromEntries(print.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const today = `${parts.year}-${parts.month}-${parts.day}`;
  if (freezes.some(({ from, to }) => today >= from && today <= to)) return false;
  const time = `${parts.hour}:${parts.minute}`;
  const day = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(parts.weekday ?? '');
  const on = (one: OpenSpec, index: number) => one.days.some((name) => WEEKDAYS.indexOf(name) === index);
  return (
    open.length === 0 ||
    open.some((one) =>
      one.from < one.to
        ? on(one, day) && time >= one.from && time < one.to
        : (on(one, day) && time >= one.from) || (on(one, (day + 6) % 7) && time < one.to),
    )
  );
}

/** Two days before clocks are set, in each of them. */
const CHANGES = [
  ['Europe/Berlin', '2026-03-27T00:00Z'],
  ['Europe/Berlin', '2026-10-23T00:00Z'],
  ['America/New_York', '2026-03-06T00:00Z'],
  ['America/New_York', '2026-10-30T00:00Z'],
  ['Australia/Lord_Howe', '2026-04-02T00:00Z'],
  ['Australia/Lord_Howe', '2026-10-01T00:00Z'],
  ['Asia/Beirut', '2026-03-26T00:00Z'],
  ['Asia/Kolkata', '2026-11-01T00:00Z'],
  // Went over the date line: there was no 30th.
  ['Pacific/Apia', '2011-12-27T00:00Z'],
] as const;

const clock = (hours: number, minutes: number): string =>
  `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
const time = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 15, 30, 59)).map(([h, m]) => clock(h, m));
const entry = fc
  .record({ days: fc.subarray([...WEEKDAYS], { minLength: 1 }), from: time, to: fc.oneof(time, fc.constant('24:00')) })
  .filter(({ from, to }) => from !== to);

describe('the next opening', { timeout: 120_000 }, () => {
  it('is never before now, is open, and no minute before it is, around changes of clocks', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CHANGES),
        fc.array(entry, { maxLength: 3 }),
        fc.option(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 9 })), { freq: 2 }),
        fc.integer({ min: 0, max: 4 * 1_440 }),
        ([zone, around], open, frozen, minute) => {
          const date = (days: number) => new Date(ms(around) + days * 86_400_000).toISOString().slice(0, 10);
          const freezes = frozen === null ? [] : [{ from: date(frozen[0]), to: date(frozen[0] + frozen[1]) }];
          const spec = windows(zone, open, freezes);
          const nowMs = ms(around) + minute * MINUTE_MS;
          const standing = standingOf(spec, nowMs);
          const opensAtMs = standing.kind === 'open' ? nowMs : standing.opensAtMs;
          if (opensAtMs === null) throw new Error('every week has each of its days');
          expect(opensAtMs).toBeGreaterThanOrEqual(nowMs);
          const two = '2-digit';
          const print = new Intl.DateTimeFormat('en-US', {
            ...{ timeZone: zone, hourCycle: 'h23', weekday: 'short', year: 'numeric', month: two, day: two },
            ...{ hour: two, minute: two },
          });
          expect(isOpenAsPrinted(spec, print, opensAtMs)).toBe(true);
          // Three weeks by the minute at the most; offsets are of whole minutes, so no opening lies between two.
          for (let at = nowMs; at < Math.min(opensAtMs, nowMs + 21 * 86_400_000); at += MINUTE_MS) {
            if (isOpenAsPrinted(spec, print, at)) throw new Error(`open at ${new Date(at).toISOString()}`);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
