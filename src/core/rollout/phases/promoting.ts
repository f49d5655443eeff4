import { awaitLive, LOOK_AGAIN_MS } from '../await-live.ts';
import { failedAnalysis, judgePush } from '../judge-push.ts';
import { end, revert, revertOn } from '../moves.ts';
import type { Draft, StepInput } from '../transition.ts';

/**
 * 100 % is committed. Ends when every counted Envoy has it; the deadline no longer sends it back. While one of them
 * lags, a canary that fails on the others is no better at 100 % than at 5 %: that still sends it back.
 */
export function promoting(d: Draft, input: StepInput): number | null {
  const { observed, settings } = input;
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
  if (live.kind === 'waiting') return d.nowMs + LOOK_AGAIN_MS;
  const push = d.rollout.push;
  const ackMs = push?.liveAtMs == null ? 0 : push.liveAtMs - push.committedAtMs;
  end(d, 'promoted', `${d.rollout.canary.name} is stable now`, settings, 'serin', [
    ['Last Envoy at 100 % after', `${ackMs} ms`],
  ]);
  return null;
}
