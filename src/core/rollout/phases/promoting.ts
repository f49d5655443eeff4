import type { JudgeOutcome } from '../../analysis/judge.ts';
import { formatDuration } from '../../model/duration.ts';
import { awaitLive, LOOK_AGAIN_MS, staysRefused } from '../await-live.ts';
import { bakeMsOf, isBaking } from '../bake.ts';
import { BREAKER_CLOSED } from '../breaker.ts';
import { atDeadline, countedSinceMs, heldByEvidence, pauseWithoutEvidence } from '../gates.ts';
import { guardPush } from '../guard-push.ts';
import { canaryNames, stableNames } from '../joint.ts';
import { failedAnalysis, judgePush } from '../judge-push.ts';
import type { LiveCheck } from '../live-check.ts';
import { finishPromotion, revert, revertOn } from '../moves.ts';
import { nextMeasurementMs } from '../needs.ts';
import { tell } from '../notice.ts';
import { type Draft, emit, STEADY_CLOCK, type StepInput, wait } from '../transition.ts';

/**
 * 100 % is committed. Ends when every counted Envoy has it and the bake, if there is one, is over. While an Envoy lags
 * the deadline does not send it back; a canary that fails on the others is no better at 100 % than at 5 %, and does.
 */
export function promoting(d: Draft, input: StepInput): number | null {
  const { observed, settings } = input;
  const { liveAtMs = null, firstLiveAtMs = liveAtMs } = d.rollout.push ?? {};
  // The push counts anew when all its Envoys are replaced; people have been told.
  const wasLive = firstLiveAtMs !== null;
  const live = awaitLive(d, observed, settings);
  if (live.kind === 'failed') {
    // A person has left the other revision; what an Envoy says does not take that back.
    if (d.rollout.undoes !== undefined) return staysRefused(d, live.cause);
    revertOn(d, observed, live.cause, settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  const outcome = judgePush(d, input, live);
  const crashed = guardPush(d, input);
  if (crashed !== null) {
    revert(d, observed, crashed, settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  if (outcome?.decision === 'rollback') {
    revert(d, observed, failedAnalysis(outcome), settings);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  if (live.kind === 'waiting') return d.nowMs + LOOK_AGAIN_MS;
  if (isBaking(d.rollout)) {
    if (!wasLive) begin(d);
    return bake(d, input, live, outcome);
  }
  finishPromotion(d, settings);
  return null;
}

function begin(d: Draft): void {
  const time = formatDuration(bakeMsOf(d.rollout));
  emit(
    d,
    'held',
    `${canaryNames(d.rollout)} has all requests and bakes for ${time}; ${stableNames(d.rollout) ?? 'nothing'} stays warm`,
  );
  tell(d, 'baking', [['Bake', time]]);
}

/** As a step without a next one: evidence and time, and what the plan says about the deadline. */
function bake(d: Draft, input: StepInput, live: LiveCheck, outcome: JudgeOutcome | null): number | null {
  const { observed, settings, breaker = BREAKER_CLOSED } = input;
  const promoteNow = (): void => finishPromotion(d, settings);
  if (d.nowMs >= d.rollout.deadlineAtMs) {
    const dueAtMs = atDeadline(d, input, live, promoteNow);
    return d.rollout.phase === 'promoted' ? null : dueAtMs;
  }
  pauseWithoutEvidence(d, breaker, input.settings);
  const measureAtMs = nextMeasurementMs(d.rollout, observed.scrapeMs, d.nowMs);
  const sooner = (atMs: number): number => Math.min(atMs, d.rollout.deadlineAtMs, measureAtMs ?? atMs);
  const heldUntilMs = heldByEvidence(d, breaker, outcome, measureAtMs);
  if (heldUntilMs !== null) return sooner(heldUntilMs);
  const untilMs = countedSinceMs(d, breaker) + bakeMsOf(d.rollout);
  if (d.nowMs < untilMs) {
    wait(d, `the ${formatDuration(bakeMsOf(d.rollout))} bake to end`);
    return sooner(untilMs);
  }
  if (!settings.clockTrusted) {
    wait(d, STEADY_CLOCK);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  promoteNow();
  return null;
}
