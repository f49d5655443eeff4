import type { JudgeOutcome } from '../../analysis/judge.ts';
import type { StepSpec } from '../../model/documents.ts';
import { formatDuration } from '../../model/duration.ts';
import { isPlainStep } from '../../model/plain-step.ts';
import { approvalFields, awaitApproval } from '../approval.ts';
import { awaitEnd } from '../await-end.ts';
import { awaitLive, LOOK_AGAIN_MS } from '../await-live.ts';
import { BREAKER_CLOSED } from '../breaker.ts';
import { atDeadline, countedSinceMs, heldByEvidence, pause, pauseMisrouted, pauseWithoutEvidence } from '../gates.ts';
import { guardPush } from '../guard-push.ts';
import { awaitHook, refusedByHook, shutWords, takeAnswer } from '../hook-gate.ts';
import { failedAnalysis, judgePush } from '../judge-push.ts';
import { lackingOf } from '../lacking-of.ts';
import type { LiveCheck } from '../live-check.ts';
import { advance, revert, revertLate, revertOn } from '../moves.ts';
import { nextMeasurementMs } from '../needs.ts';
import { tell } from '../notice.ts';
import type { Rollout } from '../rollout.ts';
import { takeReadouts } from '../take-readouts.ts';
import { type Draft, emit, STEADY_CLOCK, type StepInput, wait } from '../transition.ts';
import { awaitWindow } from '../window-gate.ts';
import { shutWindow } from '../window-state.ts';

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
  takeReadouts(d, input, live);
  const crashed = guardPush(d, input);
  if (crashed !== null) {
    revert(d, observed, crashed, settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  if (outcome?.decision === 'rollback') {
    revert(d, observed, failedAnalysis(outcome), settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  const step = d.rollout.spec.strategy.steps[d.rollout.step];
  if (step === undefined) throw new Error(`rollout ${d.rollout.id} is at step ${d.rollout.step}, which its plan lacks`);
  takeAnswer(d, step, observed.answer);
  const refused = refusedByHook(d.rollout);
  if (refused !== null) {
    revert(d, observed, refused, settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  if (d.nowMs >= d.rollout.deadlineAtMs) {
    return atDeadline(d, input, live, () => void advance(d, observed));
  }
  if (live.kind === 'live' && !wasLive && step.approve) tell(d, 'approval', approvalFields(d.rollout, step));
  pauseMisrouted(d, input.breaker ?? BREAKER_CLOSED, settings);
  pauseWithoutEvidence(d, input.breaker ?? BREAKER_CLOSED, settings);

  const measureAtMs = nextMeasurementMs(d.rollout, observed.scrapeMs, d.nowMs);
  const heldUntilMs = hold(d, input, live, step, outcome, measureAtMs);
  if (heldUntilMs === 'expired') return expired(d, input);
  if (heldUntilMs === 'shut') {
    revertLate(d, observed, shutWords(d.rollout), settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  if (heldUntilMs === 'lapsed') {
    const summary = `nobody has approved in time: it waited for ${d.rollout.waitingFor}`;
    revertLate(d, observed, summary, settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  if (heldUntilMs !== 'open') return Math.min(heldUntilMs, d.rollout.deadlineAtMs, measureAtMs ?? heldUntilMs);
  advance(d, observed, outcome?.skips === true && needsNoOther(d.rollout) && mayPromote(d));
  return d.nowMs + LOOK_AGAIN_MS;
}

/** Evidence takes the place of shares and holds, but not of anything else that the plan asks for in a remaining step. */
function needsNoOther({ spec, step }: Rollout): boolean {
  const remaining = spec.strategy.steps.slice(step + 1);
  return (spec.bakeMs ?? 0) > 0 && remaining.every(isPlainStep);
}

/** A next step that gives no more needs no window, and all requests do. */
function mayPromote({ rollout, nowMs }: Draft): boolean {
  return shutWindow(rollout, nowMs, null) === null;
}

/** The longest time of a step is over, and too little was seen: nothing was against the canary so far. */
function expired(d: Draft, { observed, settings }: StepInput): number {
  const { onInconclusive = 'rollback' } = d.rollout.spec;
  const reason = `the longest time of the step passed while waiting for ${d.rollout.waitingFor}`;
  switch (onInconclusive) {
    case 'rollback':
      revertLate(d, observed, reason, settings);
      break;
    case 'hold':
      pause(d, reason, settings);
      break;
    case 'promote':
      emit(d, 'held', `${reason}; the plan goes on all the same`);
      advance(d, observed);
      break;
  }
  return d.nowMs + LOOK_AGAIN_MS;
}

/** `open`, or until when to hold at the most; says on the draft what it waits for. */
function hold(
  d: Draft,
  { settings, breaker = BREAKER_CLOSED }: StepInput,
  live: LiveCheck,
  step: StepSpec,
  outcome: JudgeOutcome | null,
  measureAtMs: number | null,
): number | 'open' | 'expired' | 'shut' | 'lapsed' {
  const backstopMs = d.nowMs + LOOK_AGAIN_MS;
  if (live.kind !== 'live') return backstopMs;
  const heldUntilMs = heldByEvidence(d, breaker, outcome, measureAtMs);
  if (heldUntilMs !== null) return heldUntilMs;
  const evidence = d.rollout.evidence;
  const sinceMs = countedSinceMs(d, breaker);
  const holdUntilMs = sinceMs + step.holdMs;
  if (d.nowMs < holdUntilMs) {
    wait(d, `the ${formatDuration(step.holdMs)} hold of ${step.name} to end`);
    return holdUntilMs;
  }
  const missing = step.until === undefined ? null : lackingOf(d.rollout, step.until, evidence?.verdicts ?? []);
  if (step.until !== undefined && missing !== null) {
    wait(d, missing);
    const { atMostMs } = step.until;
    // Whoever resumes it gives it that time again.
    const expiresAtMs =
      atMostMs === null ? Number.POSITIVE_INFINITY : Math.max(sinceMs, d.rollout.resumedAtMs ?? 0) + atMostMs;
    if (d.nowMs < expiresAtMs) return Math.min(measureAtMs ?? backstopMs, expiresAtMs);
    if (d.rollout.spec.onInconclusive !== 'promote') return 'expired';
  }
  const endUntilMs = awaitEnd(d);
  if (endUntilMs !== null) return endUntilMs;
  if (!settings.clockTrusted) {
    wait(d, STEADY_CLOCK);
    return backstopMs;
  }
  const window = awaitWindow(d);
  if (window !== 'open') return window;
  const hook = awaitHook(d, step, settings);
  if (hook !== 'open') return hook;
  const approval = awaitApproval(d, step, settings);
  // Going on without enough evidence is going on without that alone.
  return approval === 'open' && missing !== null ? 'expired' : approval;
}
