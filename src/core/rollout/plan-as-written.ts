import type { AnalysisSpec } from '../model/analysis-spec.ts';
import type { PlanSpec, UntilSpec } from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import type { StickySpec } from '../model/sticky.ts';

/** The parts of a plan that judge, in the grammar of a Plan document: whoever replays it may edit and apply it. */
export function planAsWritten({
  analysis,
  strategy,
  judge,
  deadlineMs,
  onInconclusive = 'rollback',
  nodataTimeoutMs,
}: PlanSpec): object {
  return {
    analysis: analysis.map(written(judge)),
    steps: strategy.steps.map(({ name, weight, holdMs, matches, sticky, mirror, until, analysis: own }) => ({
      name,
      weight: weight / 100,
      hold: formatDuration(holdMs),
      ...(mirror === undefined ? {} : { mirror: { percent: mirror / 100 } }),
      ...(sticky === undefined ? {} : { sticky: stickyAsWritten(sticky) }),
      ...(until === undefined ? {} : { until: untilAsWritten(until) }),
      ...(matches.length === 0 ? {} : { matches }),
      ...(own.length === 0 ? {} : { analysis: own.map(written(judge)) }),
    })),
    deadline: formatDuration(deadlineMs),
    onInconclusive,
    ...(nodataTimeoutMs === undefined ? {} : { nodataTimeout: formatDuration(nodataTimeoutMs) }),
    judge: judgeAsWritten(judge),
  };
}

function stickyAsWritten(sticky: StickySpec): object {
  if (sticky.by === 'cookie') {
    const { name, maxAgeMs } = sticky;
    return { cookie: given({ name, maxAge: maxAgeMs === undefined ? undefined : formatDuration(maxAgeMs) }) };
  }
  const { by, name } = sticky.key;
  return { hash: by === 'header' ? { header: name } : { cookie: name, issuedBy: 'application' } };
}

function untilAsWritten({ requests, regression, atMostMs }: UntilSpec): object {
  const atMost = atMostMs === null ? undefined : formatDuration(atMostMs);
  return given({ requests, regression, atMost });
}

function written(judge: PlanSpec['judge']): (spec: AnalysisSpec) => object {
  return (spec) => {
    if (spec.kind === 'query') {
      const { name, query, windowMs, min, max, baseline, relative } = spec;
      return given({ name, query, window: formatDuration(windowMs), min, max, baseline, relative });
    }
    const { kind, name, max, ceiling, min, minRequests, relative, windowMs } = spec;
    // What is in force: to judges of fixed limits also the default, to the sequential one only what somebody gave.
    const limit = judge.name === 'sequential' ? ceiling : max;
    const common = { max: limit, min, minRequests, relative, window: optional(windowMs) };
    if (spec.kind === 'error-rate') {
      return { use: kind, name, with: given({ ...common, count: spec.count, floor: spec.floor }) };
    }
    const objective = optional(spec.objectiveMs);
    return { use: kind, name, with: given({ objective, ...common, warmup: optional(spec.warmupMs) }) };
  };
}

function judgeAsWritten(judge: PlanSpec['judge']): object {
  if (judge.name === 'threshold') return judge;
  if (judge.name === 'sequential') {
    const { skipAfterMs, ...bounds } = judge;
    return given({ ...bounds, skipAfter: optional(skipAfterMs) });
  }
  const { intervalMs, ...rest } = judge;
  const interval = formatDuration(intervalMs);
  if (rest.name !== 'kayenta') return given({ ...rest, interval });
  const { sampleMs, lifetimeMs, lookbackMs, ...rules } = rest;
  const spans = { sample: formatDuration(sampleMs), lifetime: optional(lifetimeMs), lookback: optional(lookbackMs) };
  return given({ ...rules, interval, ...spans });
}

function optional(ms: number | null | undefined): string | undefined {
  return ms == null ? undefined : formatDuration(ms);
}

/** Without what was left out. */
function given(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}
