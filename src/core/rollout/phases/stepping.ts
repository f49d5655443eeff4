import type { JudgeOutcome } from '../../analysis/judge.ts';
import type { StepSpec } from '../../model/documents.ts';
import { formatDuration } from '../../model/duration.ts';
import { awaitLive, LOOK_AGAIN_MS } from '../await-live.ts';
import { failedAnalysis, judgePush } from '../judge-push.ts';
import type { LiveCheck } from '../live-check.ts';
import { advance, revert, revertOn } from '../moves.ts';
import { currentAnalysis, nextMeasurementMs } from '../needs.ts';
import { tell } from '../notice.ts';
import { change, type Draft, emit, STEADY_CLOCK, type StepInput, wait } from '../transition.ts';

/** One step: first what sends it back, then what holds it, last what lets it go on. */
export function stepping(d: Draft, input: StepInput): number | null {
  const { observed, settings } = input;
  // Of the step, not of the push: that one counts anew when all its Envoys are replaced, and nobody is asked twice.
  const wasLive = d.rollout.history.at(-1)?.liveAtMs != null;
  const live = awaitLive(d, observed, settings);
  if (live.kind === 'failed') {
    revertOn(d, observed, live.cause, settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  const outcome = judgePush(d, input, live);
  if (outcome?.decision === 'rollback') {
    revert(d, observed, failedAnalysis(outcome), settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  if (d.nowMs >= d.rollout.deadlineAtMs) {
    const summary = `the deadline passed while waiting for ${d.rollout.waitingFor}`;
    revert(d, observed, { kind: 'deadline', by: 'serin', summary, verdict: null, node: null }, settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  const step = d.rollout.spec.strategy.steps[d.rollout.step];
  if (step === undefined) throw new Error(`rollout ${d.rollout.id} is at step ${d.rollout.step}, which its plan lacks`);
  if (live.kind === 'live' && !wasLive && step.approve) tell(d, 'approval');
  pauseWithoutEvidence(d);

  const measureAtMs = nextMeasurementMs(d.rollout, observed.scrapeMs, d.nowMs);
  const heldUntilMs = hold(d, input, live, step, outcome, measureAtMs);
  if (heldUntilMs !== 'open') return Math.min(heldUntilMs, d.rollout.deadlineAtMs, measureAtMs ?? heldUntilMs);
  advance(d, observed);
  return d.nowMs + LOOK_AGAIN_MS;
}

/** `open`, or until when to hold at the most; says on the draft what it waits for. */
function hold(
  d: Draft,
  { settings }: StepInput,
  live: LiveCheck,
  step: StepSpec,
  outcome: JudgeOutcome | null,
  measureAtMs: number | null,
): number | 'open' {
  const backstopMs = d.nowMs + LOOK_AGAIN_MS;
  if (live.kind !== 'live') return backstopMs;
  if (d.rollout.paused !== null) {
    wait(d, `a person to resume it (${d.rollout.paused.reason})`);
    return d.rollout.deadlineAtMs;
  }
  const evidence = d.rollout.evidence;
  if (currentAnalysis(d.rollout).length > 0 && outcome?.decision !== 'advance') {
    const open = evidence?.verdicts.find((v) => v.verdict !== 'pass');
    // Without a fresh look at this very moment there is no advance: an old pass is no evidence.
    wait(d, open === undefined ? 'a measurement' : `evidence of ${open.metric} (${open.reason}: ${open.detail})`);
    // Looks in between would find nothing new: what a person or an Envoy does wakes us up.
    return measureAtMs ?? backstopMs;
  }
  const holdUntilMs = (d.rollout.push?.liveAtMs ?? d.nowMs) + step.holdMs;
  if (d.nowMs < holdUntilMs) {
    wait(d, `the ${formatDuration(step.holdMs)} hold of ${step.name} to end`);
    return holdUntilMs;
  }
  if (step.approve && !approved(d)) {
    wait(d, 'the approval of a person');
    return d.rollout.deadlineAtMs;
  }
  if (!settings.clockTrusted) {
    wait(d, STEADY_CLOCK);
    return backstopMs;
  }
  return 'open';
}

function approved(d: Draft): boolean {
  const { approval, step, attempt } = d.rollout;
  return approval !== null && approval.step === step && approval.attempt === attempt;
}

/** No evidence for too long is an alert and a pause: neither a promotion nor a rollback. */
function pauseWithoutEvidence(d: Draft): void {
  const sinceMs = d.rollout.evidence?.inconclusiveSinceMs ?? null;
  if (sinceMs === null || d.rollout.paused !== null) return;
  if (d.nowMs - sinceMs < d.rollout.spec.inconclusiveAfterMs) return;
  const open = d.rollout.evidence?.verdicts.find((v) => v.verdict === 'inconclusive');
  const reason = `no evidence for too long: ${open === undefined ? 'nothing measured' : `${open.metric} (${open.reason}: ${open.detail})`}`;
  change(d, { paused: { by: 'serin', reason, atMs: d.nowMs } });
  emit(d, 'paused', reason);
  tell(d, 'paused', [['Reason', reason]]);
}
