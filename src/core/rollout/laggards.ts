import type { NodesByFleet } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import { statesOf } from './joint.ts';
import { tell } from './notice.ts';
import { without } from './push.ts';
import type { Push, Rollout } from './rollout.ts';
import { change, type Draft, emit } from './transition.ts';

export type LaggardCheck =
  | { readonly kind: 'wait' }
  /** The push counts without them now; the next look sees whether it is live. */
  | { readonly kind: 'gone-on' }
  | { readonly kind: 'give-up'; readonly nodes: readonly string[] };

/**
 * What the plan says about Envoys that have not answered in time. People are told once per push, whatever it says.
 * On the way back nobody is left out: who has not confirmed may still send requests to the canary.
 */
export function laggards(d: Draft, nodes: NodesByFleet): LaggardCheck {
  const { push, spec } = d.rollout;
  if (push === null || d.nowMs - askedAtMs(d, push) < spec.ackTimeoutMs) return { kind: 'wait' };
  const back = isOnWayBack(d.rollout);
  if (!back && spec.onLaggard === 'rollback') return { kind: 'give-up', nodes: Object.values(nodes).flat() };
  if (!back && spec.onLaggard === 'exclude') return exclude(d, nodes);
  tellOnce(d, push, nodes, back ? 'not back on stable yet' : 'has not answered');
  return { kind: 'wait' };
}

/**
 * Since when there is something to answer. Hosts that the API tells are a change of the same table: who has had the
 * step for long is asked anew. Who has not had it may take once more as long at the most, however often hosts change.
 */
function askedAtMs(d: Draft, { committedAtMs, liveAtMs }: Push): number {
  const told = Math.max(0, ...statesOf(d).map(({ endpoints }) => endpoints?.atMs ?? 0));
  const latest = liveAtMs === null ? committedAtMs + d.rollout.spec.ackTimeoutMs : Number.POSITIVE_INFINITY;
  return Math.max(committedAtMs, Math.min(told, latest));
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
