import { z } from 'zod';
import { duration, fraction, weight } from '../../manifest/fields.ts';
import { above, countedAnswers, unit } from '../../manifest/judge-grammar.ts';
import { edgeOf } from '../sequential/histogram.ts';
import type { Scrape } from '../sequential/scrape.ts';

/** A recording, line by line (`judge-interface.md` §1). What it does not name is ignored, everywhere. */

const count = z.number('expected a number').min(0, 'expected at least 0');
const counts = z.record(z.string(), count, 'expected counts by label');
const absent = <T>(schema: z.ZodType<T>) => schema.nullish().transform((value) => value ?? undefined);
const longest = duration({ min: '0s', max: '3650d' });

const histogram = counts.superRefine((buckets, ctx) => {
  for (const label of Object.keys(buckets)) {
    if (!Number.isNaN(edgeOf(label)) && label.trim() !== '') continue;
    ctx.addIssue({ code: 'custom', message: 'expected an upper edge in ms, or +Inf', path: [label] });
  }
});

const arm = z.looseObject(
  {
    rq_xx: absent(counts),
    rq: absent(counts),
    completed: absent(count),
    total: absent(count),
    active: absent(count),
    retry_5xx: absent(count),
    retry: absent(count),
    rx_reset: absent(count),
    timeout: absent(count),
    per_try_timeout: absent(count),
    le: absent(histogram),
  },
  'expected the counters of an arm',
);

const proxy = z.looseObject(
  { uptime: absent(count), epoch: absent(count), stable: absent(arm), canary: absent(arm) },
  'expected a proxy with its arms',
);

/** Its keys may be there and undefined, which nobody who reads a scrape tells from absent. */
export const RecordedLine = z.looseObject(
  {
    t: z.number('expected epoch ms'),
    weight: z.number('expected a percentage').min(0, 'expected 0 to 100').max(100, 'expected 0 to 100').nullable(),
    liveAt: z.number('expected epoch ms').nullish(),
    proxies: z.record(z.string(), proxy, 'expected proxies by name'),
  },
  'expected a mapping',
) as unknown as z.ZodType<Scrape>;

const settings = z.looseObject(
  {
    max: absent(fraction),
    min: absent(fraction),
    floor: absent(fraction),
    count: absent(countedAnswers),
    objective: absent(duration({ min: '1ms', max: '1h' })),
    warmup: absent(longest),
    window: absent(duration({ min: '1s', max: '1h' })),
    minRequests: absent(z.int().min(0)),
    relative: absent(z.looseObject({ factor: absent(z.number()), offset: absent(z.number()) })),
  },
  'expected the settings of an analysis',
);

const analysis = z
  .array(
    z.looseObject(
      { use: z.string().nullish(), name: z.string().nullish(), with: settings.nullish() },
      'expected an analysis',
    ),
    'expected a list of analyses',
  )
  .max(64, 'at most 64');

const step = z.looseObject(
  {
    weight,
    hold: absent(longest),
    matches: z.array(z.unknown()).nullish(),
    sticky: z.unknown().nullish(),
    analysis: analysis.nullish(),
  },
  'expected a step',
);
const steps = z.array(step, 'expected a list of steps').min(1, 'expected at least one step').max(1_000, 'at most 1000');

const judge = z.looseObject(
  {
    name: z
      .enum(['sequential', 'flagger', 'argo', 'kayenta'], 'expected sequential, flagger, argo or kayenta')
      .nullish(),
    alpha: absent(unit),
    margin: absent(above),
    mde: absent(above),
    skipAfter: absent(longest),
  },
  'expected a judge',
);

const plan = z.looseObject(
  {
    steps: steps.optional(),
    strategy: z.looseObject({ steps: steps.optional() }).optional(),
    analysis: analysis.nullish(),
    deadline: absent(longest),
    onInconclusive: z.enum(['hold', 'rollback', 'promote'], 'expected hold, rollback or promote').nullish(),
    nodataTimeout: absent(longest),
    judge: judge.nullish(),
  },
  'expected a plan',
);

export const RecordingHeader = z.looseObject(
  {
    plan,
    scrapeMs: z.number('expected ms').gt(0, 'expected above 0').max(86_400_000).nullish(),
    history: z.int('expected a number of lines').min(0, 'expected at least 0').nullish(),
    mostEdges: z.int('expected a number of edges').min(1, 'expected at least 1').nullish(),
    routeTimeoutMs: z.number('expected ms').min(0, 'expected at least 0').max(86_400_000).nullish(),
  },
  'expected {"plan": …, "scrapeMs": …, "history": …}',
);
export type RecordingHeader = z.infer<typeof RecordingHeader>;
