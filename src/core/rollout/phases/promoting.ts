import { awaitLive, LOOK_AGAIN_MS, nackSummary } from '../await-live.ts';
import { end, revert } from '../moves.ts';
import { type Draft, emit, type StepInput } from '../transition.ts';

/** 100 % is committed. Ends when every counted Envoy has it; the deadline no longer sends it back. */
export function promoting(d: Draft, { observed, settings }: StepInput): number | null {
  const live = awaitLive(d, observed, settings);
  if (live.kind === 'nack') {
    const node = live.nacks[0]?.nodeId ?? null;
    emit(d, 'nack', nackSummary(live.nacks), node === null ? {} : { node });
    revert(d, observed, { kind: 'nack', by: 'serin', summary: nackSummary(live.nacks), verdict: null, node }, settings);
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
