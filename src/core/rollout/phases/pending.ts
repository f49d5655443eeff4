import { LOOK_AGAIN_MS } from '../await-live.ts';
import { incapable } from '../live-check.ts';
import { revert, revertLate } from '../moves.ts';
import { pushFor } from '../push.ts';
import { change, type Draft, enterPhase, STEADY_CLOCK, type StepInput, wait } from '../transition.ts';

/** Waits for Envoys that can do what the plan needs, then commits the canary's clusters (not its routes). */
export function pending(d: Draft, { observed, settings }: StepInput): number | null {
  if (d.nowMs >= d.rollout.deadlineAtMs) {
    const summary = 'the deadline passed before the rollout could begin';
    revertLate(d, observed, summary, settings);
    return null;
  }
  const lack = incapable(d.rollout, observed);
  if (lack !== null) {
    revert(d, observed, lack, settings);
    return null;
  }
  if (d.rollout.paused !== null) {
    wait(d, 'a person to resume it');
    return d.rollout.deadlineAtMs;
  }
  const lookAgainMs = Math.min(d.nowMs + LOOK_AGAIN_MS, d.rollout.deadlineAtMs);
  if (!settings.clockTrusted) {
    wait(d, STEADY_CLOCK);
    return lookAgainMs;
  }
  const push = pushFor(d, observed, { phase: 'preparing' });
  if (push === null) return lookAgainMs;
  change(d, { push, waitingFor: 'the Envoys to take the clusters of the canary' });
  enterPhase(d, 'preparing', 'clusters and endpoints of the canary go out, no route yet');
  d.traffic = true;
  return d.nowMs + LOOK_AGAIN_MS;
}
