import type { NodesByFleet } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import { statesOf } from './joint.ts';
import { tell } from './notice.ts';
import { without } from './push.ts';
import type { Push, Rollout } from './rollout.ts';
import { change, type Draft, emit, type Observations } from './transition.ts';

export type LaggardCheck =
  | { readonly kind: 'wait' }
  /** The push counts without them now; the next look sees whether it is live. */
  | { readonly kind: 'gone-on' }
  | { readonly kind: 'give-up'; readonly nodes: readonly string[] };

/**
 * What the plan says about Envoys that have not answered in time. People are told once per push, whatever it says.
 * On the way back nobody is left out: who has not confirmed may still send requests to the canary.
 */
export function laggards(d: Draft, waitedFor: NodesByFleet, { fleets }: Pick<Observations, 'fleets'>): LaggardCheck {
  const { push, spec } = d.rollout;
  if (push === null) return { kind: 'wait' };
  const nodes = late(d, push, waitedFor, fleets);
  if (Object.keys(nodes).length === 0) return { kind: 'wait' };
  const back = isOnWayBack(d.rollout);
  if (!back && spec.onLaggard === 'rollback') return { kind: 'give-up', nodes: Object.values(nodes).flat() };
  if (!back && spec.onLaggard === 'exclude') return exclude(d, nodes);
  tellOnce(d, push, nodes, back ? 'not back on stable yet' : 'has not answered');
  return { kind: 'wait' };
}

/**
 * Who has had the whole time to answer. A step may have been live for hours: it is asked anew of an Envoy that comes back
 * or goes, before anything is done about it, and of all of them when the API tells hosts before the first step. While it
 * has not been live that gives once more as much time at the most, however often it happens.
 */
function late(
  d: Draft,
  { committedAtMs, liveAtMs }: Push,
  waitedFor: NodesByFleet,
  fleets: Observations['fleets'],
): NodesByFleet {
  const { ackTimeoutMs, onLaggard } = d.rollout.spec;
  // Where nothing is done about it people may know at once.
  const acts = onLaggard !== 'hold' && !isOnWayBack(d.rollout);
  const awaitsHosts = d.rollout.phase === 'preparing';
  const told = awaitsHosts ? Math.max(0, ...statesOf(d).map(({ endpoints }) => endpoints?.atMs ?? 0)) : 0;
  const latest = liveAtMs === null ? committedAtMs + ackTimeoutMs : Number.POSITIVE_INFINITY;
  const isLate = (fleet: string, nodeId: string): boolean => {
    const node = acts ? fleets[fleet]?.state.nodes.find((one) => one.nodeId === nodeId) : undefined;
    const askedAtMs = Math.max(committedAtMs, Math.min(Math.max(told, node?.changedAtMs ?? 0), latest));
    return d.nowMs - askedAtMs >= ackTimeoutMs;
  };
  const all = Object.entries(waitedFor).map(([fleet, ids]) => [fleet, ids.filter((id) => isLate(fleet, id))] as const);
  return Object.fromEntries(all.filter(([, ids]) => ids.length > 0));
}

/** Nobody is left out then. */
export function isOnWayBack({ phase }: Pick<Rollout, 'phase'>): boolean {
  return phase === 'rolling_back' || phase === 'aborting';
}

/** The same for those that were to try a change out and stayed silent. */
export function silentProbes(d: Draft, nodes: NodesByFleet): LaggardCheck {
  const { push, spec } = d.rollout;
  if (spec.onLaggard === 'rollback') return { kind: 'give-up', nodes: Object.values(nodes).flat() };
  if (spec.onLaggard === 'exclude') return exclude(d, nodes);
  tellOnce(d, push, nodes, 'has not answered to a change that it was to try out');
  return { kind: 'wait' };
}

function tellOnce(d: Draft, push: Push | null, nodes: NodesByFleet, what: string): void {
  if (push === null || push.toldAtMs !== null) return;
  change(d, { push: { ...push, toldAtMs: d.nowMs } });
  say(d, nodes, what);
}

function exclude(d: Draft, nodes: NodesByFleet): LaggardCheck {
  const push = d.rollout.push;
  if (push === null) return { kind: 'wait' };
  const excluded: Rollout['excluded'] = Object.fromEntries(
    Object.entries(push.counted).map(([fleet, counted]) => {
      const before = d.rollout.excluded[fleet] ?? [];
      return [fleet, [...new Set([...before, ...counted.filter((id) => nodes[fleet]?.includes(id))])].sort()];
    }),
  );
  const counted = without(push.counted, excluded);
  // A fleet of which nobody is left has not got the step.
  if (Object.values(counted).some((left) => left.length === 0)) return { kind: 'wait' };
  change(d, { excluded, push: { ...push, counted, toldAtMs: d.nowMs } });
  say(d, nodes, 'excluded, the step goes on without');
  return { kind: 'gone-on' };
}

function say(d: Draft, byFleet: NodesByFleet, what: string): void {
  const nodes = Object.values(byFleet).flat();
  emit(d, 'held', `${what}: ${nameSome(nodes)}`, { laggards: nodes.slice(0, 100) });
  tell(d, 'laggards', [
    ['Envoys', nameSome(nodes)],
    ['State', what],
  ]);
}
