import { DEFAULT_MIN_REQUESTS } from '../../analysis/limited-share.ts';
import { SEQUENTIAL_DEFAULTS } from '../../analysis/sequential/settings.ts';
import type { AnalysisSpec, JudgeSpec } from '../../model/analysis-spec.ts';
import { DEFAULT_WINDOW_MS, defaultMax } from '../analysis-grammar.ts';
import { defined } from '../fields.ts';
import { Span, type TreeMap, Unsaid } from './tree.ts';

type Query = Extract<AnalysisSpec, { kind: 'query' }>;
type Share = Exclude<AnalysisSpec, { kind: 'query' }>;

/** An analysis as a Plan has it, with what its judge takes where it says nothing. */
export function writtenAnalysis(spec: AnalysisSpec, judge: JudgeSpec): TreeMap {
  return spec.kind === 'query' ? writtenQuery(spec) : writtenShare(spec, judge);
}

function writtenQuery({ name, query, windowMs, min, max, baseline, relative }: Query): TreeMap {
  return defined({
    name,
    query,
    window: new Span(windowMs),
    min: min ?? undefined,
    max: max ?? undefined,
    relative: relative === undefined ? undefined : { ...relative },
    baseline:
      relative === undefined ? undefined : (baseline ?? new Unsaid({ words: 'the query, with stable for the canary' })),
  });
}

function writtenShare(spec: Share, judge: JudgeSpec): TreeMap {
  const isPeer = judge.name === 'flagger' || judge.name === 'argo';
  const isSequential = judge.name === 'sequential';
  const { ceiling, min, minRequests, relative, windowMs = DEFAULT_WINDOW_MS } = spec;
  // The judges of limits have a default; to the sequential one only what is written is a limit.
  const noCeiling = isSequential ? new Unsaid() : new Unsaid({ value: defaultMax(relative) });
  const common = {
    max: ceiling ?? noCeiling,
    min,
    minRequests: minRequests ?? new Unsaid({ value: isPeer ? 0 : DEFAULT_MIN_REQUESTS }),
    relative: relative === undefined ? new Unsaid() : { ...relative },
    window: isPeer || windowMs !== DEFAULT_WINDOW_MS ? new Span(windowMs) : undefined,
  };
  const own =
    spec.kind === 'error-rate'
      ? {
          count: spec.count ?? new Unsaid({ value: [...SEQUENTIAL_DEFAULTS.errors.count] }),
          floor: spec.floor ?? (isSequential ? new Unsaid() : undefined),
          ...common,
        }
      : {
          objective:
            spec.objectiveMs === null ? new Unsaid({ words: 'what stable takes' }) : new Span(spec.objectiveMs),
          ...common,
          warmup: warmupOf(spec.warmupMs, isSequential),
        };
  return { use: spec.kind, name: spec.name, with: defined(own) };
}

function warmupOf(ms: number | undefined, isSequential: boolean): Span | Unsaid | undefined {
  if (ms !== undefined) return new Span(ms);
  return isSequential ? new Unsaid({ value: new Span(SEQUENTIAL_DEFAULTS.latency.warmupMs) }) : undefined;
}

export function writtenJudge(judge: JudgeSpec): TreeMap {
  switch (judge.name) {
    case 'sequential': {
      const { alpha, margin, detectable } = SEQUENTIAL_DEFAULTS;
      return {
        name: judge.name,
        alpha: judge.alpha ?? new Unsaid({ value: alpha }),
        margin: judge.margin ?? new Unsaid({ value: margin }),
        mde: judge.mde ?? new Unsaid({ value: detectable }),
        skipAfter: judge.skipAfterMs === undefined ? new Unsaid() : new Span(judge.skipAfterMs),
      };
    }
    case 'threshold':
      return { name: judge.name };
    case 'flagger':
      return { name: judge.name, threshold: judge.threshold, interval: new Span(judge.intervalMs) };
    case 'argo': {
      const { intervalMs, count, dryRun, ...limits } = judge;
      // 0 is how a file says that there is no count.
      return { ...limits, interval: new Span(intervalMs), count: count ?? 0, dryRun: [...dryRun] };
    }
    case 'kayenta': {
      const { intervalMs, sampleMs, lifetimeMs, lookbackMs, critical, mustHaveData, ...rules } = judge;
      return {
        ...rules,
        interval: new Span(intervalMs),
        sample: new Span(sampleMs),
        lifetime: lifetimeMs === null ? new Unsaid({ words: 'the holds alone' }) : new Span(lifetimeMs),
        lookback: lookbackMs === null ? new Unsaid({ words: 'all of it' }) : new Span(lookbackMs),
        effectSize: { ...rules.effectSize },
        critical: [...critical],
        mustHaveData: [...mustHaveData],
        groupWeights: { ...rules.groupWeights },
      };
    }
  }
}
