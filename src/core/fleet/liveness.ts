import type { FleetNode, FleetState } from '../model/fleet-state.ts';
import { hasReached } from '../model/position.ts';
import type { Position } from '../model/traffic.ts';

/** What one fleet says about one push of one owner. */
export interface FleetObservation {
  readonly state: FleetState;
  /**
   * Fleet revision at which the owner's traffic last changed by a push: hosts that came since and clusters that were
   * tidied away are none. `null`: it has none in this fleet.
   */
  readonly position: Position | null;
  /** The trial under way in this fleet, whoever's it is, and the fleet revision at which it began. */
  readonly trial: { readonly by: string; readonly probe: string; readonly position: Position } | null;
  /** Why the table with the asking rollout's trial cannot be served; absent: it can, or there is none. */
  readonly unservable?: string;
}

/** Ids of nodes by fleet: two fleets may have nodes of the same name. */
export type NodesByFleet = Readonly<Record<string, readonly string[]>>;

export interface Nack {
  readonly nodeId: string;
  readonly type: string;
  readonly message: string;
}

/** A counted node that has the push, and since when. */
export interface LiveNode {
  readonly node: FleetNode;
  readonly ackedAtMs: number;
}

export type Liveness =
  | { readonly kind: 'live'; readonly nodes: readonly LiveNode[] }
  /** With a refusal whatever the other fleets say. */
  | { readonly kind: 'waiting'; readonly laggards: NodesByFleet; readonly nacks: readonly Nack[] }
  /** Nobody is left to count: nothing may advance on that. */
  | { readonly kind: 'empty'; readonly fleet: string }
  /** What other replicas know of this fleet is not known here. */
  | { readonly kind: 'blind'; readonly fleet: string };

/** Whose push it is, and what time it is. */
export interface Asking {
  /** Does the ACK of the route tables do? So for weights and ways back: they wait for no cluster that warms. */
  readonly routesOnly: boolean;
  /** The asking rollout as trials name it: `rollout/<id>`. */
  readonly by: string;
  readonly graceMs: number;
  readonly nowMs: number;
}

/**
 * Is a push in force on every counted node (design: "What is live where")?
 * Counted are the nodes connected at its commit, less those gone for longer than the grace period,
 * plus those of them that came back. Nodes that appeared later get the new state anyway and do not count.
 */
export function liveness(
  counted: NodesByFleet,
  observed: Readonly<Record<string, FleetObservation>>,
  { routesOnly, by, graceMs, nowMs }: Asking,
): Liveness {
  const nodes: LiveNode[] = [];
  const laggards: Record<string, string[]> = {};
  const nacks: Nack[] = [];
  let obstacle: Extract<Liveness, { readonly kind: 'empty' | 'blind' }> | null = null;
  for (const [fleet, nodeIds] of Object.entries(counted)) {
    const seen = observed[fleet];
    const position = seen?.position;
    if (seen === undefined || position === undefined || position === null) {
      obstacle ??= { kind: 'empty', fleet };
      continue;
    }
    const present = presentNodes(nodeIds, seen.state, graceMs, nowMs);
    if (!seen.state.complete) obstacle ??= { kind: 'blind', fleet };
    else if (present.length === 0) obstacle ??= { kind: 'empty', fleet };
    for (const { nodeId, node } of present) {
      const ackedAtMs = node === null ? null : ackAtMs(node, position, routesOnly);
      if (node !== null && ackedAtMs !== null) {
        nodes.push({ node, ackedAtMs });
        continue;
      }
      laggards[fleet] = [...(laggards[fleet] ?? []), nodeId];
      const nack = nackSince(node, position, by);
      if (nack !== null) nacks.push(nack);
    }
  }
  if (obstacle !== null && nacks.length === 0) return obstacle;
  if (Object.keys(laggards).length === 0) return { kind: 'live', nodes };
  return { kind: 'waiting', laggards, nacks };
}

export type Probing =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly nacks: readonly Nack[] }
  /** No Envoy was given it: the table with it is inconsistent. An ACK is then about the table without it. */
  | { readonly kind: 'unservable'; readonly detail: string }
  | { readonly kind: 'open'; readonly byFleet: Readonly<Record<string, ProbeStanding>> };

/** `gone`: it is not connected, or its trial is not under way. */
export type ProbeStanding = 'taken' | 'open' | 'gone';

/** How far are the nodes that try a change out? Each has to take the fleet revision at which its trial began. */
export function probing(
  probe: Readonly<Record<string, string>>,
  observed: Readonly<Record<string, FleetObservation>>,
  by: string,
): Probing {
  const unservable = Object.values(observed).find((one) => one.unservable !== undefined)?.unservable;
  if (unservable !== undefined) return { kind: 'unservable', detail: unservable };
  const nacks: Nack[] = [];
  const byFleet: Record<string, ProbeStanding> = {};
  for (const [fleet, nodeId] of Object.entries(probe)) {
    const { state, trial } = observed[fleet] ?? { state: null, trial: null };
    const node = state?.nodes.find((one) => one.nodeId === nodeId) ?? null;
    if (trial === null || trial.by !== by || trial.probe !== nodeId || !node?.connected) {
      byFleet[fleet] = 'gone';
      continue;
    }
    const nack = nackSince(node, trial.position, by);
    if (nack !== null) nacks.push(nack);
    byFleet[fleet] = credits(node, trial.position) ? 'taken' : 'open';
  }
  if (nacks.length > 0) return { kind: 'refused', nacks };
  const standings = Object.values(byFleet);
  const taken = standings.length > 0 && standings.every((standing) => standing === 'taken');
  return taken ? { kind: 'taken' } : { kind: 'open', byFleet };
}

/**
 * The node's refusal of this fleet revision or a later one. What was refused as part of somebody else's trial is about
 * that one: it is taken out in a moment.
 *
 * @param by the trial of who asks; `null`: none
 */
export function nackSince(node: FleetNode | null, position: Position, by: string | null): Nack | null {
  const nack = node?.nack ?? null;
  if (node === null || nack === null || !hasReached(nack.position, position)) return null;
  if (nack.trial !== null && nack.trial !== by) return null;
  return { nodeId: node.nodeId, type: nack.type, message: nack.message };
}

/** All nodes that are connected now, whatever their fleet. */
export function connectedNow(observed: Readonly<Record<string, FleetObservation>>): readonly FleetNode[] {
  return Object.values(observed).flatMap(({ state }) => state.nodes.filter((node) => node.connected));
}

/** Nodes that a push committed now has to reach, by fleet. */
export function connectedNodes(observed: Readonly<Record<string, FleetObservation>>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(observed).map(([fleet, { state }]) => [
      fleet,
      state.nodes
        .filter((node) => node.connected)
        .map((node) => node.nodeId)
        .sort(),
    ]),
  );
}

/** Counted nodes of which it is not known that they have the push, connected or not, sorted. */
export function unconfirmedNodes(
  counted: NodesByFleet,
  observed: Readonly<Record<string, FleetObservation>>,
): readonly string[] {
  return Object.entries(counted)
    .flatMap(([fleet, nodeIds]) => {
      const { state, position } = observed[fleet] ?? { state: null, position: null };
      return nodeIds.filter((nodeId) => {
        const node = state?.nodes.find((one) => one.nodeId === nodeId);
        return node === undefined || position === null || ackAtMs(node, position, true) === null;
      });
    })
    .sort();
}

/** Counted nodes that have the push, whether others keep it waiting or not. */
export function ackedNodes(
  counted: NodesByFleet,
  observed: Readonly<Record<string, FleetObservation>>,
  routesOnly: boolean,
): readonly LiveNode[] {
  return Object.entries(counted).flatMap(([fleet, nodeIds]) => {
    const { state, position } = observed[fleet] ?? { state: null, position: null };
    return (state?.nodes ?? []).flatMap((node): LiveNode[] => {
      if (position === null || !nodeIds.includes(node.nodeId)) return [];
      const ackedAtMs = ackAtMs(node, position, routesOnly);
      return ackedAtMs === null ? [] : [{ node, ackedAtMs }];
    });
  });
}

/** When it reached the position; a full credit covers the routes. `null`: it has not. */
function ackAtMs(node: FleetNode, position: Position, routesOnly: boolean): number | null {
  if (!node.connected) return null;
  if (routesOnly && hasReached(node.routes, position)) return node.routesAtMs;
  return hasReached(node.credited, position) ? node.creditedAtMs : null;
}

function credits(node: FleetNode, position: Position): boolean {
  return ackAtMs(node, position, false) !== null;
}

function presentNodes(
  nodeIds: readonly string[],
  state: FleetState,
  graceMs: number,
  nowMs: number,
): { nodeId: string; node: FleetNode | null }[] {
  const byId = new Map(state.nodes.map((node) => [node.nodeId, node]));
  return nodeIds
    .map((nodeId) => ({ nodeId, node: byId.get(nodeId) ?? null }))
    .filter(({ node }) => {
      if (node?.connected) return true;
      // A node that this view never saw counts as gone since the view began (a restarted engine).
      const goneSinceMs = node === null ? state.observedSinceMs : node.changedAtMs;
      return nowMs - goneSinceMs < graceMs;
    });
}
