import { LOOK_AGAIN_MS } from '../await-live.ts';
import { newPush, revert } from '../moves.ts';
import { change, type Draft, enterPhase, type StepInput, wait } from '../transition.ts';

/** Waits for Envoys, then commits the canary's clusters (not its routes). */
export function pending(d: Draft, { observed, settings }: StepInput): number | null {
  if (d.nowMs >= d.rollout.deadlineAtMs) {
    revert(
      d,
      observed,
      {
        kind: 'deadline',
        by: 'serin',
        summary: 'the deadline passed before the rollout could begin',
        verdict: null,
        node: null,
      },
      settings,
    );
    return null;
  }
  if (d.rollout.paused !== null) {
    wait(d, 'a person to resume it');
    return d.rollout.deadlineAtMs;
  }
  const push = newPush(d, observed);
  if (push === null) {
    wait(d, 'an Envoy of every fleet to connect');
    return Math.min(d.nowMs + LOOK_AGAIN_MS, d.rollout.deadlineAtMs);
  }
  change(d, { push, waitingFor: 'the Envoys to take the clusters of the canary' });
  enterPhase(d, 'preparing', 'clusters and endpoints of the canary go out, no route yet');
  d.traffic = true;
  return d.nowMs + LOOK_AGAIN_MS;
}
