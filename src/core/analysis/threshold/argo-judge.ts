import { ARGO_START, type ArgoLimits, type ArgoMeasurement, type ArgoMetric } from './argo.ts';
import { argoRunPhase, measureArgoRun } from './argo-run.ts';
import { type Check, type CheckResult, checkShare, type ShareLimits } from './check-share.ts';
import { type JudgeTick, slide, type TickJudge, type TickVerdict, total, type WindowState } from './tick-judge.ts';

export interface ArgoJudgeOptions {
  readonly limits: ArgoLimits;
  readonly intervalMs: number;
  readonly analyses: readonly (ShareLimits & { readonly windowMs: number; readonly dryRun: boolean })[];
}

export interface ArgoJudgeState {
  readonly metrics: readonly ArgoMetric[];
  readonly measuredAtMs: number | null;
  readonly window: WindowState;
}

const MEASUREMENT: Readonly<Record<CheckResult, ArgoMeasurement>> = {
  pass: 'S',
  fail: 'F',
  inconclusive: 'I',
  none: 'E',
};

/**
 * A background analysis of Argo Rollouts: measured every interval from the moment the canary has traffic for a whole
 * window. Failed and Error roll back, Inconclusive holds until a person acts; until then the ramp goes on.
 */
export function argoJudge(options: ArgoJudgeOptions): TickJudge<ArgoJudgeState> {
  return {
    start: { metrics: options.analyses.map(() => ARGO_START), measuredAtMs: null, window: [] },
    tick: (before, tick) => {
      const longestMs = Math.max(options.intervalMs, ...options.analyses.map(({ windowMs }) => windowMs));
      const state = { ...before, window: slide(before.window, tick, longestMs) };
      if (!tick.hasWeight) return { state, verdict: { decision: 'hold', reason: 'the canary gets no traffic' } };
      if (state.measuredAtMs === null) {
        return { state: { ...state, measuredAtMs: tick.atMs }, verdict: { decision: 'hold', reason: 'started' } };
      }
      const isDue = tick.atMs - state.measuredAtMs >= options.intervalMs;
      const next = isDue ? measured({ ...state, measuredAtMs: tick.atMs }, tick, options) : state;
      return { state: next, verdict: decideArgo(next.metrics, options.analyses, tick.atEnd) };
    },
  };
}

function measured(state: ArgoJudgeState, tick: JudgeTick, { limits, analyses }: ArgoJudgeOptions): ArgoJudgeState {
  const checks = analyses.map((one): Check => {
    const inside = state.window.filter(({ atMs }) => atMs > tick.atMs - one.windowMs);
    return checkShare(one, total(inside, one.metric));
  });
  const tasks = analyses.map(({ dryRun }) => ({ limits, dryRun }));
  return { ...state, metrics: measureArgoRun(state.metrics, measurementsOf(checks), tasks) };
}

export function measurementsOf(checks: readonly Check[]): readonly ArgoMeasurement[] {
  return checks.map(({ result }) => MEASUREMENT[result]);
}

/** What a run of these metrics lets the rollout do. */
export function decideArgo(
  metrics: readonly ArgoMetric[],
  tasks: readonly { readonly metric: string; readonly dryRun: boolean }[],
  atEnd: boolean,
): TickVerdict {
  const of = (phase: ArgoMetric['phase']) => tasks.filter((_task, i) => metrics[i]?.phase === phase);
  const stopped = (['Failed', 'Error', 'Inconclusive'] as const).find((phase) =>
    of(phase).some(({ dryRun }) => !dryRun),
  );
  if (stopped !== undefined) {
    const reason = `${of(stopped).find(({ dryRun }) => !dryRun)?.metric ?? ''} is ${stopped}`;
    return { decision: stopped === 'Inconclusive' ? 'hold' : 'rollback', reason };
  }
  if (metrics.every(({ phase }) => phase === 'Pending')) return { decision: 'hold', reason: 'nothing measured yet' };
  const phase = argoRunPhase(metrics.map((metric, i) => ({ phase: metric.phase, dryRun: tasks[i]?.dryRun === true })));
  return { decision: atEnd ? 'promote' : 'advance', reason: `the analysis is ${phase}` };
}
