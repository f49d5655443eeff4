import { z } from 'zod';
import type { AnalysisSpec } from '../model/analysis-spec.ts';
import { parseDuration } from '../model/duration.ts';
import { EFFECT_MEASURES, kayentaSpecOf, NAN_STRATEGIES, OUTLIERS } from '../model/kayenta-spec.ts';
import { kayentaJudge } from './kayenta/kayenta-judge.ts';
import { kayentaMetric } from './kayenta/plan-metrics.ts';
import { ARGO_LIMITS } from './threshold/argo.ts';
import { argoJudge } from './threshold/argo-judge.ts';
import { flaggerJudge } from './threshold/flagger-judge.ts';
import type { ShareSpec } from './threshold/measure-share.ts';
import type { JudgeTick, TickJudge, TickVerdict } from './threshold/tick-judge.ts';

export const PEER_JUDGES = ['flagger', 'argo', 'kayenta'] as const;
export type PeerJudge = (typeof PEER_JUDGES)[number];

const whole = z.int('expected a whole number').min(-1_000_000).max(1_000_000).nullish();
const interval = z
  .string('expected a duration')
  .transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms !== null && ms > 0 && ms <= 86_400_000) return ms;
    ctx.addIssue({ code: 'custom', message: 'expected a duration like 1m, at most 1d' });
    return z.NEVER;
  })
  .nullish();
const names = z.array(z.string()).max(32).nullish();
const percent = z.number('expected a percentage').min(0, 'expected 0 to 100').max(100, 'expected 0 to 100').nullish();

/** `judge` of a recording's plan. What belongs to another judge is ignored: the name may come from the command line. */
export const PeerJudgeSettings = z.object(
  {
    interval,
    threshold: whole,
    failureLimit: whole,
    inconclusiveLimit: whole,
    consecutiveErrorLimit: whole,
    consecutiveSuccessLimit: whole,
    count: whole,
    dryRun: z.array(z.string()).max(32).nullish(),
    pass: percent,
    marginal: percent,
    tolerance: z.number('expected a number').min(0, 'expected at least 0').nullish(),
    confidence: z.number('expected a number').gt(0, 'expected above 0').lt(1, 'expected below 1').nullish(),
    scaleTolerance: z.boolean('expected true or false').nullish(),
    sample: interval,
    nanStrategy: z.enum(NAN_STRATEGIES, `expected one of ${NAN_STRATEGIES.join(', ')}`).nullish(),
    outliers: z.enum(OUTLIERS, `expected one of ${OUTLIERS.join(', ')}`).nullish(),
    outlierFactor: z.number('expected a number').gt(0, 'expected above 0').nullish(),
    effectSize: z
      .object({
        measure: z.enum(EFFECT_MEASURES, `expected one of ${EFFECT_MEASURES.join(', ')}`).nullish(),
        allowedIncrease: z.number('expected a number').nullish(),
        criticalIncrease: z.number('expected a number').nullish(),
      })
      .nullish(),
    critical: names,
    mustHaveData: names,
    groupWeights: z.record(z.string(), z.number('expected a percentage').min(0).max(100)).nullish(),
  },
  'expected a mapping',
);
export type PeerJudgeSettings = z.infer<typeof PeerJudgeSettings>;

/**
 * Another tool's judge for growth tick by tick, with the defaults of that tool. Custom queries leave no growth, so they
 * are left out. The answer is a function that remembers what was before.
 */
export function peerTickJudge(
  name: PeerJudge,
  settings: PeerJudgeSettings,
  analysis: readonly AnalysisSpec[],
): (tick: JudgeTick) => TickVerdict {
  const shares = analysis.filter((spec): spec is ShareSpec => spec.kind !== 'query');
  switch (name) {
    case 'flagger':
      return remembering(
        flaggerJudge({
          threshold: settings.threshold ?? 1,
          intervalMs: settings.interval ?? 60_000,
          analyses: shares.map(limitsOf),
        }),
      );
    case 'argo':
      return remembering(
        argoJudge({
          limits: {
            failureLimit: settings.failureLimit ?? ARGO_LIMITS.failureLimit,
            inconclusiveLimit: settings.inconclusiveLimit ?? ARGO_LIMITS.inconclusiveLimit,
            consecutiveErrorLimit: settings.consecutiveErrorLimit ?? ARGO_LIMITS.consecutiveErrorLimit,
            consecutiveSuccessLimit: settings.consecutiveSuccessLimit ?? ARGO_LIMITS.consecutiveSuccessLimit,
            count: settings.count ?? null,
            // A recording is measured to its end.
            hasInterval: true,
          },
          intervalMs: settings.interval ?? 60_000,
          analyses: shares.map((spec) => ({
            ...limitsOf(spec),
            dryRun: (settings.dryRun ?? []).includes(spec.name),
          })),
        }),
      );
    case 'kayenta': {
      const spec = kayentaSpecOf(settings);
      return remembering(kayentaJudge({ ...spec, metrics: shares.map(({ name }) => kayentaMetric(name, spec)) }));
    }
  }
}

function remembering<S>(judge: TickJudge<S>): (tick: JudgeTick) => TickVerdict {
  let state = judge.start;
  return (tick) => {
    const next = judge.tick(state, tick);
    state = next.state;
    return next.verdict;
  };
}

function limitsOf(spec: ShareSpec) {
  const { name: metric, min = null, max, relative = null, minRequests, windowMs = 60_000 } = spec;
  return { metric, min, max, relative, minRequests: minRequests ?? 0, windowMs };
}
