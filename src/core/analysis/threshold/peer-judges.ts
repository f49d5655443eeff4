import { z } from 'zod';
import type { ArgoSpec, JudgeSpec } from '../../model/analysis-spec.ts';
import type { JudgeInput, JudgeOutcome, JudgeState, Verdict } from '../judge.ts';
import { ARGO_START, type ArgoMetric } from './argo.ts';
import { decideArgo, measurementsOf } from './argo-judge.ts';
import { measureArgoRun } from './argo-run.ts';
import { decideFlagger } from './flagger-judge.ts';
import { type MeasuredCheck, measureChecks } from './measure-check.ts';
import type { TickVerdict } from './tick-judge.ts';

/**
 * The judges of Flagger and Argo Rollouts on a live rollout. They look once per interval, counted from the moment the
 * step went live: the ramp moves at their ticks, so the next one is an interval away. What they count lives as long
 * as the rollout.
 */

const FlaggerMemory = z.object({ failedChecks: z.number().int().nonnegative(), checkedAtMs: z.number() });

export function assessByFlagger(spec: Extract<JudgeSpec, { name: 'flagger' }>, input: JudgeInput): JudgeOutcome {
  const checks = measureChecks(input).map(asFlagger);
  const memory = FlaggerMemory.safeParse(input.state);
  const { failedChecks, checkedAtMs } = memory.success ? memory.data : { failedChecks: 0, checkedAtMs: input.liveAtMs };
  if (!isDue(input, checkedAtMs, spec.intervalMs)) return waiting(checks, { failedChecks, checkedAtMs });
  const decided = decideFlagger(failedChecks, checks, spec.threshold, false);
  const state = { failedChecks: decided.failedChecks, checkedAtMs: input.nowMs };
  return outcome('flagger', checks, decided.verdict, state);
}

/** No data is a failed check, and shown as one. */
function asFlagger(check: MeasuredCheck): MeasuredCheck {
  return check.result === 'none' ? { ...check, verdict: { ...check.verdict, verdict: 'fail' } } : check;
}

const count = z.number().int().nonnegative();
const MetricMemory: z.ZodType<ArgoMetric> = z.object({
  phase: z.enum(['Pending', 'Running', 'Successful', 'Inconclusive', 'Error', 'Failed']),
  count,
  failed: count,
  inconclusive: count,
  consecutiveError: count,
  consecutiveSuccess: count,
});
const ArgoMemory = z.object({ metrics: z.record(z.string(), MetricMemory), measuredAtMs: z.number() });

export function assessByArgo(spec: ArgoSpec, input: JudgeInput): JudgeOutcome {
  const checks = measureChecks(input);
  const memory = ArgoMemory.safeParse(input.state);
  const { metrics: known, measuredAtMs } = memory.success ? memory.data : { metrics: {}, measuredAtMs: input.liveAtMs };
  if (!isDue(input, measuredAtMs, spec.intervalMs)) return waiting(checks, { metrics: known, measuredAtMs });
  const tasks = checks.map(({ metric }) => ({
    metric,
    dryRun: spec.dryRun.includes(metric),
    limits: { ...spec, hasInterval: true },
  }));
  const before = tasks.map(({ metric }) => known[metric] ?? ARGO_START);
  const metrics = measureArgoRun(before, measurementsOf(checks), tasks);
  const kept = Object.fromEntries(tasks.map(({ metric }, i) => [metric, metrics[i] ?? ARGO_START]));
  const state = { metrics: { ...known, ...kept }, measuredAtMs: input.nowMs };
  return outcome('argo', checks, decideArgo(metrics, tasks, false), state);
}

function isDue({ nowMs, liveAtMs }: JudgeInput, lastMs: number, intervalMs: number): boolean {
  return nowMs - Math.max(lastMs, liveAtMs) >= intervalMs;
}

function waiting(checks: readonly MeasuredCheck[], state: JudgeState): JudgeOutcome {
  return { verdicts: checks.map(({ verdict }) => verdict), decision: 'hold', state };
}

/** A rollback is the sum of many checks, so it has a verdict of its own, before those of the last ones. */
function outcome(
  judge: string,
  checks: readonly MeasuredCheck[],
  { decision, reason }: TickVerdict,
  state: JudgeState,
): JudgeOutcome {
  const verdicts = checks.map(({ verdict }) => verdict);
  if (decision !== 'rollback') return { verdicts, decision: decision === 'promote' ? 'advance' : decision, state };
  const nothing = {
    value: null,
    baseline: null,
    limit: { min: null, max: null },
    requests: null,
    baselineRequests: null,
  };
  const own: Verdict = { metric: judge, verdict: 'fail', reason: 'LIMIT_REACHED', detail: reason, ...nothing };
  return { verdicts: [own, ...verdicts], decision, state };
}
