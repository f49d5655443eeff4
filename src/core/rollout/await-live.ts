import { connectedNodes, type Liveness, liveness, type Nack } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import { markLive } from './moves.ts';
import { change, type Draft, emit, type Observations, type Settings, wait } from './transition.ts';

/** How often to look when no hint comes, ms. ACKs wake us up at once; this is the backstop. */
export const LOOK_AGAIN_MS = 2_000;

export type LiveCheck =
  | { readonly kind: 'live'; readonly liveness: Extract<Liveness, { kind: 'live' }> }
  | { readonly kind: 'nack'; readonly nacks: readonly Nack[] }
  | { readonly kind: 'waiting' };

/** Is the present push in force? Notes it on the draft when it has just become so. */
export function awaitLive(d: Draft, observed: Observations, settings: Settings): LiveCheck {
  const push = d.rollout.push;
  if (push === null) return { kind: 'waiting' };
  let live = liveness(push.counted, observed.fleets, settings.disconnectGraceMs, d.nowMs);
  if (live.kind === 'empty' && rebase(d, observed, settings) && d.rollout.push !== null) {
    live = liveness(d.rollout.push.counted, observed.fleets, settings.disconnectGraceMs, d.nowMs);
  }
  switch (live.kind) {
    case 'empty':
      wait(d, `an Envoy of fleet ${live.fleet}: none of those that count is connected`);
      return { kind: 'waiting' };
    case 'waiting':
      if (live.nacks.length > 0) return { kind: 'nack', nacks: live.nacks };
      wait(d, `the ACK of ${nameSome(live.laggards)}`);
      return { kind: 'waiting' };
    case 'live':
      if (d.rollout.push?.liveAtMs === null) markLive(d, d.rollout, live.lastAckAtMs);
      return { kind: 'live', liveness: live };
  }
}

/**
 * Every counted node of a fleet is gone for good, others are there (an autoscaled fleet): count those.
 * They got the present state when they connected, so nothing is taken on trust; an empty fleet still holds.
 */
function rebase(d: Draft, observed: Observations, { disconnectGraceMs }: Settings): boolean {
  const push = d.rollout.push;
  if (push === null) return false;
  const connected = connectedNodes(observed.fleets);
  const counted = Object.fromEntries(
    Object.entries(push.counted).map(([fleet, nodes]) => {
      const here = liveness({ [fleet]: nodes }, observed.fleets, disconnectGraceMs, d.nowMs);
      return [fleet, here.kind === 'empty' ? (connected[fleet] ?? []) : nodes];
    }),
  );
  if (Object.values(counted).some((nodes) => nodes.length === 0)) return false;
  if (JSON.stringify(counted) === JSON.stringify(push.counted)) return false;
  change(d, { push: { ...push, counted, liveAtMs: null } });
  emit(d, 'held', 'every counted Envoy is gone; the connected ones count from now on');
  return true;
}

/** One sentence for a refused push; Envoy's words were redacted where they came in. */
export function nackSummary(nacks: readonly Nack[]): string {
  const first = nacks[0];
  if (first === undefined) return 'Envoy refused the change';
  const others = nacks.length > 1 ? ` (and ${nacks.length - 1} more)` : '';
  return `Envoy ${first.nodeId}${others} refused the change: ${first.message}`;
}
