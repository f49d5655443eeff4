import { awaitLive, LOOK_AGAIN_MS, nackSummary } from '../await-live.ts';
import { end } from '../moves.ts';
import { type Draft, emit, type StepInput, wait } from '../transition.ts';

/**
 * `rolling_back` and `aborting`: the decision is durable and final. The rollout is reported back on stable
 * only when the counted Envoys have said so; until then the laggards are named (invariants I3, I10).
 */
export function reverting(d: Draft, { observed, settings }: StepInput): number | null {
  const live = awaitLive(d, observed, settings);
  if (live.kind === 'nack') {
    // Nothing better can be sent than stable. Stay, say it, and look again.
    const summary = nackSummary(live.nacks);
    const waitingFor = `a way back: ${summary}`;
    if (d.rollout.waitingFor !== waitingFor) emit(d, 'nack', summary);
    wait(d, waitingFor);
    return d.nowMs + LOOK_AGAIN_MS;
  }
  if (live.kind === 'waiting') return d.nowMs + LOOK_AGAIN_MS;
  const push = d.rollout.push;
  const ackMs = push?.liveAtMs == null ? 0 : push.liveAtMs - push.committedAtMs;
  const phase = d.rollout.phase === 'aborting' ? 'aborted' : 'rolled_back';
  end(d, phase, `last Envoy back on stable after ${ackMs} ms`, settings, 'serin', [
    ['Last Envoy back on stable after', `${ackMs} ms`],
  ]);
  return null;
}
