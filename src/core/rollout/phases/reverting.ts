import type { LiveNode } from '../../fleet/liveness.ts';
import { counted } from '../../model/counted.ts';
import { aftercareDueMs } from '../aftercare.ts';
import { awaitLive, LOOK_AGAIN_MS, staysRefused } from '../await-live.ts';
import { end, endOfWayBack } from '../moves.ts';
import { spread } from '../spread.ts';
import { change, type Draft, emit, type StepInput } from '../transition.ts';

/**
 * `rolling_back` and `aborting`: the decision is durable and final. The rollout is reported back on stable
 * only when the counted Envoys have said so; until then the laggards are named (invariants I3, I10).
 */
export function reverting(d: Draft, { observed, settings }: StepInput): number | null {
  const live = awaitLive(d, observed, settings);
  // Nothing better can be sent than stable.
  if (live.kind === 'failed') return staysRefused(d, live.cause);
  if (live.kind === 'waiting') return d.nowMs + LOOK_AGAIN_MS;
  const push = d.rollout.push;
  const sinceMs = push?.committedAtMs ?? d.nowMs;
  const ackMs = (push?.liveAtMs ?? sinceMs) - sinceMs;
  clock(d, live.liveness.nodes, sinceMs);
  end(d, endOfWayBack(d.rollout), `last Envoy back on stable after ${ackMs} ms`, settings, 'serin', [
    ['Last Envoy back on stable after', `${ackMs} ms`],
  ]);
  const dueAtMs = aftercareDueMs(observed, d.nowMs);
  if (dueAtMs !== null) change(d, { aftercare: 'due' });
  return dueAtMs;
}

/** The rollback clock: how long each Envoy took to say that it is back. */
function clock(d: Draft, nodes: readonly LiveNode[], sinceMs: number): void {
  const tookMs = nodes.map(({ ackedAtMs }) => Math.max(0, ackedAtMs - sinceMs));
  d.confirmedAfterMs.push(...tookMs);
  const { p50, p99, max } = spread(tookMs);
  emit(
    d,
    'back',
    `${counted(nodes.length, 'Envoy')} back on stable: half after ${p50} ms, 99 % after ${p99} ms, all after ${max} ms`,
    {
      confirm: { nodes: nodes.length, p50Ms: p50, p99Ms: p99, maxMs: max },
    },
  );
}
