import { z } from 'zod';
import { type FreezeSpec, type OpenSpec, WEEKDAYS, type WindowsSpec } from '../model/documents.ts';
import { parseDay } from '../model/release-windows.ts';
import { didYouMean } from '../model/suggest.ts';
import { zoneClock } from '../model/zone-clock.ts';
import { choice, fields, text } from './fields.ts';

const MOST_WINDOWS = 16;
const MOST_FREEZES = 32;
const LONGEST_FREEZE = 366;

/** Offsets like `+02:00` are none: they know no summer. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

const zone = z
  .string('expected a zone of the IANA database, like Europe/Berlin')
  .max(64, 'at most 64 characters')
  .superRefine((given, ctx) => {
    if (ZONE_NAME.test(given) && zoneClock(given) !== null) return;
    ctx.addIssue({
      code: 'custom',
      message: `expected a zone of the IANA database, like Europe/Berlin.${meant(given)}`,
    });
  });

/** The name of a city is what people have in mind. */
function meant(given: string): string {
  const known = Intl.supportedValuesOf('timeZone');
  const city = known.find((name) => name.toLowerCase().endsWith(`/${given.toLowerCase().replaceAll(' ', '_')}`));
  return city === undefined ? didYouMean(given, known) : ` Did you mean "${city}"?`;
}

const start = z
  .string('expected a time like "09:00"')
  .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'expected a time from "00:00" to "23:59"');
const end = z
  .string('expected a time like "16:00"')
  .regex(/^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, 'expected a time from "00:00" to "24:00"');

const open = fields({
  days: z
    .array(choice(WEEKDAYS), 'expected a list of days')
    .min(1, 'expected at least one day')
    .max(7, 'at most 7')
    .optional(),
  from: start.optional(),
  to: end.optional(),
}).transform(({ days = [...WEEKDAYS], from = '00:00', to = '24:00' }, ctx): OpenSpec => {
  if (from === to) {
    const message = `from ${from} to ${to} is no time at all: leave both out for a whole day`;
    ctx.addIssue({ code: 'custom', message, path: ['to'] });
  }
  return { days: WEEKDAYS.filter((day) => days.includes(day)), from, to };
});

const day = z
  .string('expected a day like "2026-12-20"')
  .regex(/^2[0-9]{3}-[0-9]{2}-[0-9]{2}$/, 'expected a day like "2026-12-20"')
  .superRefine((given, ctx) => {
    // What has another shape has been told so.
    if (!/^2\d{3}-\d{2}-\d{2}$/.test(given) || parseDay(given) !== null) return;
    ctx.addIssue({ code: 'custom', message: `no calendar has ${given}` });
  });

const freeze = fields({ from: day, to: day, reason: text(200).optional() }).transform(
  ({ from, to, reason }, ctx): FreezeSpec => {
    const days = (parseDay(to) ?? 0) - (parseDay(from) ?? 0) + 1;
    if (days < 1) ctx.addIssue({ code: 'custom', message: `it ends before it begins, on ${from}`, path: ['to'] });
    if (days > LONGEST_FREEZE) {
      const message = `expected at most ${LONGEST_FREEZE} days, these are ${days}`;
      ctx.addIssue({ code: 'custom', message, path: ['to'] });
    }
    return { from, to, ...(reason === undefined ? {} : { reason }) };
  },
);

const windows = fields({
  zone,
  open: z
    .array(open, 'expected a list of windows')
    .min(1, 'expected at least one window; left out, it is open but for the freezes')
    .max(MOST_WINDOWS, `at most ${MOST_WINDOWS} windows`)
    .optional(),
  freezes: z
    .array(freeze, 'expected a list of freezes')
    .max(MOST_FREEZES, `at most ${MOST_FREEZES} freezes`)
    .optional(),
}).transform(({ zone: name, open: some = [], freezes = [] }, ctx): WindowsSpec => {
  if (some.length + freezes.length === 0) ctx.addIssue({ code: 'custom', message: 'expected open, freezes or both' });
  return { zone: name, open: some, freezes };
});

export const WindowsGrammar: z.ZodType<WindowsSpec> = windows;
