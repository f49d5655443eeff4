import { z } from 'zod';
import { relayIssue } from '../manifest/analysis-grammar.ts';
import { choice, duration, fields, fraction, label, text, weight } from '../manifest/fields.ts';
import { looksLike } from '../manifest/input-shape.ts';
import { DEEDS, HOOK_WORDS, type Since } from './world.ts';

/** What may stand in a world file. Nothing is invented: what a plan asks and the world leaves out is a mistake. */

const LONGEST = '60d';
const MOST_ENTRIES = 100;
const when = { at: duration({ max: LONGEST }).optional(), weight: weight.optional() };

/** One value for all of the time, or a list of values from a time, or from a share of the canary, on. */
function overTime<S extends z.ZodRawShape, T>(
  single: z.ZodType<T>,
  shape: S,
  read: (entry: z.infer<z.ZodObject<S>>) => T,
): z.ZodType<readonly Since<T>[]> {
  const entry = fields({ ...when, ...shape });
  const list = z.array(entry, 'expected a list').min(1, 'expected at least one entry').max(MOST_ENTRIES, 'at most 100');
  const grammar = z.unknown().transform((value, ctx): readonly Since<T>[] => {
    if (!Array.isArray(value)) {
      const parsed = single.safeParse(value);
      if (parsed.success) return [{ atMs: 0, weight: 0, ...parsed.data }];
      for (const issue of parsed.error.issues) relayIssue(ctx, issue, []);
      return z.NEVER;
    }
    const parsed = list.safeParse(value);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) relayIssue(ctx, issue, []);
      return z.NEVER;
    }
    const entries = parsed.data.map((raw): Since<T> => {
      const { at = 0, weight: from = 0 } = raw as { readonly at?: number; readonly weight?: number };
      return { atMs: at, weight: from, ...read(raw as unknown as z.infer<z.ZodObject<S>>) };
    });
    entries.forEach(({ atMs, weight: from }, i) => {
      const conditional = atMs > 0 || from > 0;
      if (conditional === i > 0) return;
      const message =
        i === 0
          ? 'the first entry is what is so from the beginning: it has neither at nor weight'
          : 'expected at (a time), weight (a share of the canary) or both: the last entry that fits is what is so';
      ctx.addIssue({ code: 'custom', message, path: [i] });
    });
    return entries;
  });
  return looksLike(grammar, { grammar: () => z.union([single, list]) });
}

/** A bare value with the name that it has in a list. */
function bare<T, const K extends string>(schema: z.ZodType<T>, key: K): z.ZodType<Record<K, T>> {
  const grammar = schema.transform((value) => ({ [key]: value }) as Record<K, T>);
  return looksLike(grammar, { grammar: () => schema });
}

const rps = z
  .number('expected requests per second')
  .min(0, 'expected at least 0')
  .max(1_000_000, 'at most 1000000 a second');
const value = z.number('expected a number');
const quantiles = {
  p50: duration({ min: '1ms', max: '1h' }),
  p99: duration({ min: '1ms', max: '1h' }),
};
const readLatency = ({ p50, p99 }: { readonly p50: number; readonly p99: number }) => ({
  p50Ms: p50,
  p99Ms: Math.max(p50, p99),
});

const errors = overTime(bare(fraction, 'ratio'), { ratio: fraction }, ({ ratio }) => ({ ratio }));
const latency = overTime(
  looksLike(fields(quantiles).transform(readLatency), { grammar: () => fields(quantiles) }),
  quantiles,
  readLatency,
);
const answers = overTime(bare(value, 'value'), { value }, (entry) => ({ value: entry.value }));
const words = overTime(bare(choice(HOOK_WORDS), 'answer'), { answer: choice(HOOK_WORDS) }, ({ answer }) => ({
  answer,
}));

const longest = duration({ max: LONGEST });
const approve = z.unknown().transform((given, ctx): number | Readonly<Record<string, number>> => {
  const single = typeof given === 'string' || typeof given === 'number';
  const parsed = (single ? longest : byStep).safeParse(given);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) relayIssue(ctx, issue, []);
  return z.NEVER;
});
const byStep = z.record(label, longest, 'expected a duration, or durations by the names of steps');
looksLike(approve, { grammar: () => z.union([longest, byStep]) });

const stable = fields({ errors, latency: latency.optional() });
const arm = fields({ errors: errors.optional(), latency: latency.optional(), ready: longest.optional() });
const query = fields({
  canary: answers,
  stable: answers.optional(),
  variants: z.record(label, answers, 'expected answers by the names of variants').optional(),
});
const queries = z.record(label, query, 'expected answers by the names of analyses');
const requests = overTime(bare(rps, 'rps'), { rps }, (entry) => ({ rps: entry.rps }));
const readout = fields({
  users: requests,
  stable: errors,
  canary: errors,
  variants: z.record(label, errors, 'expected shares by the names of variants').optional(),
});

export const WorldGrammar = fields({
  starts: z
    .string('expected a moment')
    .regex(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/,
      'expected a moment with its zone, like 2026-01-31T14:00:00Z',
    )
    .refine((moment) => !Number.isNaN(Date.parse(moment)), 'there is no such moment')
    .optional(),
  requests: requests.optional(),
  burst: z.number('expected a number').min(1, 'expected at least 1').max(1_000, 'at most 1000').optional(),
  testers: fraction.optional(),
  envoys: z.int('expected a whole number').min(1, 'expected at least 1').max(50, 'at most 50').optional(),
  ack: duration({ min: '1ms', max: '10m' }).optional(),
  scrape: duration({ min: '1s', max: '10m' }).optional(),
  stable: stable.optional(),
  canary: arm.optional(),
  variants: z.record(label, arm, 'expected how each of them answers, by the names of variants').optional(),
  queries: queries.optional(),
  backends: z
    .record(
      label,
      fields({ requests, stable, canary: arm.optional(), queries: queries.optional() }),
      'expected what is so of each of them, by the names of backends',
    )
    .optional(),
  readout: z.record(label, readout, 'expected what users do, by the names of metrics').optional(),
  hooks: z.record(label, words, 'expected answers by the names of hooks').optional(),
  people: fields({
    as: text(128).optional(),
    approve: approve.optional(),
    commands: z
      .array(fields({ at: longest, do: choice(DEEDS), arm: label.optional() }), 'expected a list of commands')
      .max(MOST_ENTRIES, 'at most 100')
      .optional(),
  }).optional(),
  outages: z
    .array(fields({ from: longest, for: duration({ min: '1s', max: LONGEST }) }), 'expected a list of outages')
    .max(MOST_ENTRIES, 'at most 100')
    .optional(),
});
export type WorldFile = z.infer<typeof WorldGrammar>;
