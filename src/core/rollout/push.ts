import { createHash } from 'node:crypto';
import { connectedNodes } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import { hasReached } from '../model/position.ts';
import { addsStructure, backendTraffic } from '../traffic/backend-traffic.ts';
import { statesOf } from './joint.ts';
import type { Push, Rollout } from './rollout.ts';
import { change, type Draft, type Observations, wait } from './transition.ts';

/** Changes of traffic on their way to the fleet: whom they have to reach, and who tries them out first. */

/** By which name a rollout's trials stand in the fleets' tables. */
export const trialOf = ({ id }: Pick<Rollout, 'id'>): string => `rollout/${id}`;

/**
 * A push that the nodes connected now have to ACK. `null`: nothing may move now; the draft says what for.
 * Nodes that a step went on without count again once they have all that is committed.
 */
export function newPush(d: Draft, observed: Observations): Push | null {
  const blind = d.rollout.fleets.find((fleet) => observed.fleets[fleet]?.state.complete !== true);
  if (blind !== undefined) {
    waitForView(d, blind);
    return null;
  }
  const excluded = stillExcluded(d.rollout, observed);
  const counted = without(connectedNodes(observed.fleets), excluded);
  const empty = d.rollout.fleets.filter((fleet) => (counted[fleet]?.length ?? 0) === 0);
  if (empty.length > 0) {
    wait(d, `an Envoy of fleet ${nameSome(empty)} to connect (\`serin fleet nodes\` shows which have)`);
    return null;
  }
  if (JSON.stringify(excluded) !== JSON.stringify(d.rollout.excluded)) change(d, { excluded });
  return pushTo(d, counted, { routesOnly: false });
}

export function waitForView(d: Draft, fleet: string): void {
  wait(d, `the view of fleet ${fleet} to be complete (another replica has not told what its Envoys have)`);
}

export function pushTo(d: Draft, counted: Push['counted'], { routesOnly }: Pick<Push, 'routesOnly'>): Push {
  const rest = { routesOnly, probe: null, unanswered: {}, toldAtMs: null };
  return { ...committedNow(d), liveAtMs: null, counted, ...rest };
}

/** The moment of a commit, by the clock of samples, too. */
export function committedNow({ nowMs, offsetMs }: Draft): Pick<Push, 'committedAtMs' | 'offsetMs'> {
  return { committedAtMs: nowMs, ...(offsetMs === undefined ? {} : { offsetMs }) };
}

/** The same push, given to Envoys anew. */
export function pushAgain(d: Draft, { offsetMs: _then, ...push }: Push): Push {
  return { ...push, ...committedNow(d) };
}

/**
 * The push that makes the rollout `next`: to all at once where nothing but weights changes or something is taken away;
 * otherwise first to one node per fleet, when it is this rollout's turn. `null`: not now; the draft says what for.
 */
export function pushFor(d: Draft, observed: Observations, next: Partial<Rollout>): Push | null {
  const push = newPush(d, observed);
  if (push === null) return null;
  const after = { ...d.rollout, ...next };
  if (!statesOf(d).some((state) => addsStructure(backendTraffic(state, d.rollout), backendTraffic(state, after)))) {
    return { ...push, routesOnly: true };
  }
  // Nobody is spared by asking the only node first.
  if (Object.values(push.counted).every((nodes) => nodes.length === 1)) return push;
  if (!isTurn(d, observed)) return null;
  const fleets = Object.keys(push.counted);
  const probe = chooseProbes(d.rollout, push.counted, observed, fleets, {});
  return fleets.every((fleet) => probe[fleet] !== undefined) ? { ...push, probe } : null;
}

/** Another change that is tried out comes first; the draft says whose. */
function isTurn(d: Draft, observed: Observations): boolean {
  const trials = d.rollout.fleets.map((fleet) => observed.fleets[fleet]?.trial ?? null);
  const busy = trials.find((trial) => trial !== null && trial.by !== trialOf(d.rollout));
  if (busy != null) wait(d, `its turn: Envoy ${busy.probe} tries out a change of ${busy.by} first`);
  return busy == null;
}

/**
 * The same change for other nodes to try, in these fleets; elsewhere the probe stays. `null`: one of `must` has nobody
 * else, none of them has, or it is not this rollout's turn.
 */
export function nextProbe(
  d: Draft,
  observed: Observations,
  push: Push,
  { must, may, unanswered }: ProbeRequest,
): Push | null {
  if (!isTurn(d, observed)) return null;
  const asked = Object.fromEntries(
    [...must, ...may].map((fleet) => {
      const now = push.probe?.[fleet];
      return [fleet, [...(unanswered[fleet] ?? []), ...(now === undefined ? [] : [now])]];
    }),
  );
  const chosen = chooseProbes(d.rollout, push.counted, observed, [...must, ...may], asked);
  if (Object.keys(chosen).length === 0 || must.some((fleet) => chosen[fleet] === undefined)) return null;
  return { ...pushAgain(d, push), probe: { ...push.probe, ...chosen }, unanswered };
}

interface ProbeRequest {
  /** Fleets that need another one. */
  readonly must: readonly string[];
  /** Fleets that go on waiting for theirs when there is no other. */
  readonly may: readonly string[];
  readonly unanswered: Push['unanswered'];
}

/** A connected one of each fleet. Another node for another rollout: one that is ill should not meet all of them. */
function chooseProbes(
  rollout: Rollout,
  counted: Push['counted'],
  observed: Observations,
  fleets: readonly string[],
  asked: Push['unanswered'],
): Record<string, string> {
  const connected = connectedNodes(observed.fleets);
  const probe: Record<string, string> = {};
  for (const fleet of fleets) {
    const left = (counted[fleet] ?? []).filter(
      (node) => asked[fleet]?.includes(node) !== true && connected[fleet]?.includes(node),
    );
    const [first] = left
      .map((node) => ({ node, rank: rank(rollout.id, node) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1));
    if (first !== undefined) probe[fleet] = first.node;
  }
  return probe;
}

function rank(id: string, node: string): string {
  return createHash('sha256').update(`${id}\n${node}`).digest('hex');
}

/** Nodes connected now, and those counted before whether connected at this moment or not. Nobody is excluded here. */
export function withConnected(push: Push | null, observed: Observations): Push['counted'] {
  const connected = connectedNodes(observed.fleets);
  return Object.fromEntries(
    Object.entries(connected).map(([fleet, nodes]) => [
      fleet,
      [...new Set([...(push?.counted[fleet] ?? []), ...nodes])].sort(),
    ]),
  );
}

/** Nodes that were left behind and have not caught up with this rollout's last change. */
export function stillExcluded(rollout: Rollout, observed: Observations): Rollout['excluded'] {
  const excluded = Object.entries(rollout.excluded).map(([fleet, nodeIds]): [string, readonly string[]] => {
    const { state, position } = observed.fleets[fleet] ?? { state: null, position: null };
    const behind = nodeIds.filter((nodeId) => {
      const node = state?.nodes.find((one) => one.nodeId === nodeId);
      return node !== undefined && !hasReached(node.credited, position);
    });
    return [fleet, behind];
  });
  return Object.fromEntries(excluded.filter(([, nodes]) => nodes.length > 0));
}

export function without(nodes: Push['counted'], excluded: Rollout['excluded']): Push['counted'] {
  return Object.fromEntries(
    Object.entries(nodes).map(([fleet, ids]) => [fleet, ids.filter((id) => !(excluded[fleet] ?? []).includes(id))]),
  );
}
