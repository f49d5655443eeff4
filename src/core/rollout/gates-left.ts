import type { AnalysisSpec } from '../model/analysis-spec.ts';
import type { StepSpec } from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import { nameSome } from '../model/name-some.ts';
import { whose } from './approval.ts';
import { lacksApproval } from './approval-state.ts';
import { isGateShut, webhookOf } from './hook-state.ts';
import { lackingOf } from './lacking-of.ts';
import { currentAnalysis } from './needs.ts';
import type { Rollout } from './rollout.ts';
import { shutWindow } from './window-state.ts';
import { againstEnd } from './winner.ts';

/** What a person leaves behind who does not wait: in words, for the history and for the notified. */

/** Gates of the present step that nothing and nobody has opened. `to`: where it would go, `null` to all requests. */
export function gatesLeft(rollout: Rollout, to: number | null, nowMs: number): readonly string[] {
  const { spec, step: index, push, evidence } = rollout;
  const step = spec.strategy.steps[index];
  if (step === undefined) return [];
  const analysis = currentAnalysis(rollout);
  const open = (evidence?.verdicts ?? []).filter(({ verdict }) => verdict !== 'pass');
  const since = push?.liveAtMs ?? nowMs;
  const missing = step.until === undefined ? null : lackingOf(rollout, step.until, evidence?.verdicts ?? []);
  const against = againstEnd(rollout);
  return [
    ...(analysis.length > 0 && !isMeasured(rollout) ? [`evidence of ${namesOf(analysis)} (nothing measured yet)`] : []),
    ...open.map(({ metric, reason }) => `evidence of ${metric} (${reason})`),
    ...(nowMs < since + step.holdMs ? [`its hold of ${formatDuration(step.holdMs)}`] : []),
    ...(missing === null ? [] : [missing]),
    ...(against === null ? [] : [against]),
    ...(shutWindow(rollout, nowMs, to) === null ? [] : ['its window']),
    ...(isGateShut(rollout) ? [`hook ${webhookOf(rollout)?.target ?? ''}`] : []),
    ...(lacksApproval(rollout) ? [`the approval of ${whose(step.approval)}`] : []),
  ];
}

/** Was the step looked at since every counted Envoy has it? Before that only a failure counts. */
export function isMeasured({ evidence, push }: Pick<Rollout, 'evidence' | 'push'>): boolean {
  return evidence !== null && evidence.judgedAtMs > (push?.liveAtMs ?? 0);
}

/** Gates of a step that is passed over as a whole. */
export function gatesOf({ spec }: Pick<Rollout, 'spec'>, step: StepSpec): readonly string[] {
  const { weight, mirror, analysis: own, holdMs, until, webhook, approve, approval } = step;
  const analysis = weight > 0 || mirror !== undefined ? [...spec.analysis, ...own] : own;
  return [
    ...(analysis.length === 0 ? [] : [`evidence of ${namesOf(analysis)}`]),
    ...(holdMs === 0 ? [] : [`hold of ${formatDuration(holdMs)}`]),
    ...(until === undefined ? [] : ['enough requests']),
    ...(webhook === undefined ? [] : [`hook ${webhook.target}`]),
    ...(approve ? [`approval of ${whose(approval)}`] : []),
  ];
}

function namesOf(analysis: readonly AnalysisSpec[]): string {
  return nameSome(analysis.map(({ name }) => name));
}
