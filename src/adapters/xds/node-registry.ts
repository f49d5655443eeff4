import type { FleetNode, FleetState } from '../../core/model/fleet-state.ts';
import type { Position } from '../../core/model/traffic.ts';
import type { FleetView } from '../../engine/ports/fleet-view.ts';
import type { NodeIdentity } from './node-identity.ts';
import { olderPosition, samePosition } from './position.ts';
import type { Credit } from './stream-session.ts';

/** How long a node that left stays in the view, and how many of them at most per fleet. */
const KEEP_GONE_MS = 3_600_000;
const MAX_GONE = 1_000;

type Nack = NonNullable<FleetNode['nack']>;

/** One stream's side of the view. */
export interface StreamEntry {
  credited(credit: Credit): void;
  nacked(nack: Nack): void;
  acked(type: string): void;
  closed(): void;
}

export interface NodeRegistry extends FleetView {
  /** `aggregated`: the stream can carry all types. */
  opened(identity: NodeIdentity, aggregated: boolean): StreamEntry;
}

const NOTHING: Credit = { position: null, counts: false, routes: false };

interface StreamRecord {
  readonly aggregated: boolean;
  credit: Credit;
  readonly nacks: Map<string, Nack>;
}

interface NodeRecord {
  identity: NodeIdentity;
  readonly streams: Set<StreamRecord>;
  changedAtMs: number;
  credited: Position | null;
  creditedAtMs: number;
  nack: Nack | null;
}

/** What is known of every Envoy. A node may hold several streams (hot restart); it is as far as the last of them. */
export function createNodeRegistry(now: () => number): NodeRegistry {
  const observedSinceMs = now();
  const fleets = new Map<string, Map<string, NodeRecord>>();
  const listeners = new Set<(fleet: string) => void>();
  const progress = (fleet: string) => {
    for (const listener of listeners) listener(fleet);
  };
  return {
    state(fleet): FleetState {
      const nodes = fleets.get(fleet) ?? new Map<string, NodeRecord>();
      forgetGone(nodes, now());
      return {
        fleet,
        observedSinceMs,
        complete: true,
        nodes: [...nodes.values()].map(view).sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1)),
      };
    },
    onProgress(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    opened(identity, aggregated) {
      const { fleet, nodeId } = identity;
      const nodes = fleets.get(fleet) ?? new Map<string, NodeRecord>();
      fleets.set(fleet, nodes);
      const node = nodes.get(nodeId) ?? newNode(identity, now());
      nodes.set(nodeId, node);
      const entry = openStream(node, identity, aggregated, now, () => progress(fleet));
      forgetGone(nodes, now());
      progress(fleet);
      return entry;
    },
  };
}

function newNode(identity: NodeIdentity, nowMs: number): NodeRecord {
  return { identity, streams: new Set(), changedAtMs: nowMs, credited: null, creditedAtMs: nowMs, nack: null };
}

function openStream(
  node: NodeRecord,
  identity: NodeIdentity,
  aggregated: boolean,
  now: () => number,
  progress: () => void,
): StreamEntry {
  const stream: StreamRecord = { aggregated, credit: NOTHING, nacks: new Map() };
  if (node.streams.size === 0) node.changedAtMs = now();
  node.identity = identity;
  node.streams.add(stream);
  // Not before it has ACKed on this stream is the node known to hold anything.
  settle(node, now());
  return {
    credited(credit) {
      stream.credit = credit;
      if (settle(node, now())) progress();
    },
    nacked(nack) {
      stream.nacks.set(nack.type, nack);
      settle(node, now());
      progress();
    },
    acked(type) {
      if (!stream.nacks.delete(type)) return;
      settle(node, now());
      progress();
    },
    closed() {
      if (!node.streams.delete(stream)) return;
      if (node.streams.size === 0) node.changedAtMs = now();
      // The last stream's state stays as what was last known of the node.
      else settle(node, now());
      progress();
    },
  };
}

/** Recomputes what the node has in common over its streams; true if its credit changed. */
function settle(node: NodeRecord, nowMs: number): boolean {
  const streams = [...node.streams];
  if (streams.length === 0) return false;
  const credited = commonCredit(streams);
  const nacks = streams.flatMap(({ nacks }) => [...nacks.values()]);
  node.nack = nacks.reduce<Nack | null>(
    (latest, nack) => (latest !== null && latest.atMs > nack.atMs ? latest : nack),
    null,
  );
  if (samePosition(node.credited, credited)) return false;
  node.credited = credited;
  node.creditedAtMs = nowMs;
  return true;
}

/**
 * The least of all streams. Only who has routes is anywhere: a stream of clusters alone says nothing about where
 * requests go. Of aggregated streams each has to carry them (a second process may be starting), of others one.
 */
function commonCredit(streams: readonly StreamRecord[]): Position | null {
  const [only, second] = streams;
  if (only !== undefined && second === undefined) return only.credit.routes ? only.credit.position : null;
  const credits = streams.map(({ credit }) => credit).filter(({ counts }) => counts);
  const routed = streams.filter(({ credit }) => credit.routes).length;
  const complete = streams.every(({ aggregated }) => aggregated) ? routed === streams.length : routed > 0;
  if (!complete) return null;
  const [first, ...others] = credits.map(({ position }) => position);
  return others.reduce<Position | null>(olderPosition, first ?? null);
}

function view(node: NodeRecord): FleetNode {
  const { nodeId, metricsName, envoyVersion } = node.identity;
  const { changedAtMs, credited, creditedAtMs, nack } = node;
  return {
    nodeId,
    connected: node.streams.size > 0,
    changedAtMs,
    credited,
    creditedAtMs,
    nack,
    metricsName,
    envoyVersion,
    replicas: [],
    types: [],
  };
}

function forgetGone(nodes: Map<string, NodeRecord>, nowMs: number): void {
  const gone = [...nodes].filter(([, { streams }]) => streams.size === 0);
  gone.sort(([, a], [, b]) => b.changedAtMs - a.changedAtMs);
  gone.forEach(([nodeId, { changedAtMs }], index) => {
    if (index >= MAX_GONE || nowMs - changedAtMs > KEEP_GONE_MS) nodes.delete(nodeId);
  });
}
