import type { FleetNode, FleetState, Marks } from '../model/fleet-state.ts';
import { samePosition } from '../model/position.ts';
import type { Position } from '../model/traffic.ts';
import {
  type HeldStream,
  type LedgerStream,
  latestNack,
  nodeTypes,
  reached,
  type StreamIdentity,
  type StreamProgress,
  speaking,
} from './ledger-stream.ts';
import { withMark } from './reached-marks.ts';

/** How long a node that left stays in the view, and how many of them at most. */
const KEEP_GONE_MS = 3_600_000;
const MAX_GONE = 1_000;

interface Replica {
  fresh: boolean;
  readonly streams: Map<number, LedgerStream>;
}

/** A node in the ledger: of use to the ledger that gave it away, and to nobody else. */
export interface NodeRecord {
  /** By replica and slot; what the streams say is looked up, so that a push touches no node until somebody asks. */
  readonly held: Map<string, { readonly replica: string; readonly from: Replica; readonly slot: number }>;
  view: FleetNode;
  /** Has a stream changed since `view` was brought up to date? */
  unsettled: boolean;
  /** When `view` was last brought up to date. */
  settledAtMs: number;
}

/**
 * What is live where, for one fleet: the streams of every replica, and what follows from them for each node. It holds
 * only what replicas say now: a replica that is dropped takes its streams along. No I/O and no clock.
 */
export class FleetLedger {
  readonly #fleet: string;
  readonly #observedSinceMs: number;
  readonly #nameOf: (replica: string) => string;
  readonly #replicas = new Map<string, Replica>();
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #unsettled = new Set<NodeRecord>();
  /** Nodes without a stream, in the order in which they left. */
  readonly #gone = new Map<string, NodeRecord>();
  /** Nodes by name; made anew when one comes or is forgotten. */
  #order: readonly NodeRecord[] | null = null;
  #sorted: readonly FleetNode[] | null = null;

  /** @param nameOf what a replica is shown as */
  constructor(fleet: string, observedSinceMs: number, nameOf: (replica: string) => string = (replica) => replica) {
    this.#fleet = fleet;
    this.#nameOf = nameOf;
    this.#observedSinceMs = observedSinceMs;
  }

  /** @returns the stream's node, for `touch` while the stream is open */
  open(replica: string, slot: number, stream: LedgerStream, nowMs: number): NodeRecord {
    return this.#put(replica, slot, stream, nowMs);
  }

  /** A stream that tells its progress when it is asked has more to tell. */
  touch(node: NodeRecord): void {
    if (node.unsettled) return;
    node.unsettled = true;
    this.#unsettled.add(node);
  }

  /** A stream that is not there (any more) says nothing. */
  progress(replica: string, slot: number, progress: StreamProgress): void {
    const streams = this.#replicas.get(replica)?.streams;
    const stream = streams?.get(slot);
    if (streams === undefined || stream === undefined) return;
    streams.set(slot, { identity: stream.identity, progress });
    const node = this.#nodes.get(stream.identity.nodeId);
    if (node !== undefined) this.touch(node);
  }

  close(replica: string, slot: number, nowMs: number): void {
    const streams = this.#replicas.get(replica)?.streams;
    const stream = streams?.get(slot);
    if (streams === undefined || stream === undefined) return;
    const node = this.#nodes.get(stream.identity.nodeId);
    // What was last known of the node is known with its last stream still there.
    if (node !== undefined) this.#settle(node, nowMs);
    streams.delete(slot);
    if (node === undefined) return;
    node.held.delete(keyOf(replica, slot));
    this.#settle(node, nowMs);
  }

  /** All streams that another replica holds, in place of those it held; true if anything is new. */
  sync(replica: string, streams: ReadonlyMap<number, LedgerStream>, nowMs: number): boolean {
    const before = this.#replicas.get(replica)?.streams ?? new Map<number, LedgerStream>();
    let changed = false;
    for (const [slot, { identity }] of [...before]) {
      const now = streams.get(slot)?.identity;
      if (now?.nodeId === identity.nodeId && now.openedAtMs === identity.openedAtMs) continue;
      // A slot that another stream of the node has taken over: the node was not away in between.
      if (now?.nodeId === identity.nodeId) before.delete(slot);
      else this.close(replica, slot, nowMs);
      changed = true;
    }
    for (const [slot, stream] of streams) {
      const held = before.get(slot);
      if (held === stream) continue;
      if (held === undefined) this.#put(replica, slot, stream, nowMs);
      else if (held.progress !== stream.progress) this.progress(replica, slot, stream.progress);
      else continue;
      changed = true;
    }
    return changed;
  }

  /** Is the replica heard of? Of one that is silent, streams give way to newer ones elsewhere. */
  setFresh(replica: string, fresh: boolean, nowMs: number): boolean {
    const known = this.#replica(replica);
    if (known.fresh === fresh) return false;
    known.fresh = fresh;
    for (const { identity } of known.streams.values()) this.#settleNode(identity.nodeId, nowMs);
    return known.streams.size > 0;
  }

  /** The replica is gone: what it held counts as disconnected from `atMs` on. */
  drop(replica: string, atMs: number): boolean {
    const slots = [...(this.#replicas.get(replica)?.streams.keys() ?? [])];
    for (const slot of slots) this.close(replica, slot, atMs);
    this.#replicas.delete(replica);
    return slots.length > 0;
  }

  /** A replica is shown under another name from now on. */
  renamed(replica: string): void {
    for (const { identity } of this.#replicas.get(replica)?.streams.values() ?? []) {
      const node = this.#nodes.get(identity.nodeId);
      if (node?.view.connected) node.view = { ...node.view, replicas: this.#names(speaking(this.#held(node))) };
    }
    this.#sorted = null;
  }

  streams(replica: string): ReadonlyMap<number, LedgerStream> {
    return this.#replicas.get(replica)?.streams ?? new Map();
  }

  state(complete: boolean, nowMs: number): FleetState {
    for (const node of [...this.#unsettled]) this.#settle(node, nowMs);
    this.#forgetGone(nowMs);
    this.#order ??= [...this.#nodes.values()].sort((a, b) => (a.view.nodeId < b.view.nodeId ? -1 : 1));
    this.#sorted ??= this.#order.map(({ view }) => view);
    return { fleet: this.#fleet, observedSinceMs: this.#observedSinceMs, complete, nodes: this.#sorted };
  }

  #replica(name: string): Replica {
    const known = this.#replicas.get(name) ?? { fresh: true, streams: new Map<number, LedgerStream>() };
    this.#replicas.set(name, known);
    return known;
  }

  #put(replica: string, slot: number, stream: LedgerStream, nowMs: number): NodeRecord {
    this.#replica(replica).streams.set(slot, stream);
    const { nodeId } = stream.identity;
    const known = this.#nodes.get(nodeId);
    const node = known ?? newcomer(stream.identity);
    if (known === undefined) {
      this.#nodes.set(nodeId, node);
      this.#order = null;
    }
    node.held.set(keyOf(replica, slot), { replica, from: this.#replica(replica), slot });
    this.#settle(node, nowMs);
    return node;
  }

  #settleNode(nodeId: string, nowMs: number): void {
    const node = this.#nodes.get(nodeId);
    if (node !== undefined) this.#settle(node, nowMs);
  }

  #settle(node: NodeRecord, nowMs: number): void {
    if (node.unsettled) this.#unsettled.delete(node);
    node.unsettled = false;
    this.#sorted = null;
    const { view, settledAtMs } = node;
    const streams = speaking(this.#held(node));
    const newest = latestOf(streams);
    if (newest === undefined) {
      // The last stream's state stays as what was last known of the node.
      node.view = { ...view, connected: false, changedAtMs: view.connected ? nowMs : view.changedAtMs, replicas: [] };
      this.#gone.delete(view.nodeId);
      this.#gone.set(view.nodeId, node);
      return;
    }
    if (!view.connected) this.#gone.delete(view.nodeId);
    node.settledAtMs = nowMs;
    const { credited, routes } = reached(streams);
    let saidAtMs = 0;
    for (const { progress } of streams) saidAtMs = Math.max(saidAtMs, progress.creditedAtMs);
    // What no stream has just said comes from one that ended: up to now that one may have been served.
    const sinceMs = view.connected && saidAtMs <= settledAtMs ? nowMs : saidAtMs;
    const still = view.connected && samePosition(view.credited, credited);
    const stillRouted = view.connected && samePosition(view.routes, routes);
    const before = view.connected ? view.reached : undefined;
    const reachedBefore = {
      credited: still
        ? (before?.credited ?? [])
        : marksOf(before?.credited, view.credited, view.creditedAtMs, credited),
      routes: stillRouted ? (before?.routes ?? []) : marksOf(before?.routes, view.routes, view.routesAtMs, routes),
    };
    node.view = {
      nodeId: view.nodeId,
      connected: true,
      changedAtMs: view.connected ? view.changedAtMs : Math.min(...streams.map((one) => one.identity.openedAtMs)),
      credited,
      creditedAtMs: still ? view.creditedAtMs : sinceMs,
      routes,
      routesAtMs: stillRouted ? view.routesAtMs : sinceMs,
      ...(reachedBefore.credited.length + reachedBefore.routes.length === 0 ? {} : { reached: reachedBefore }),
      nack: latestNack(streams),
      metricsName: newest.identity.metricsName,
      envoyVersion: newest.identity.envoyVersion,
      replicas: this.#names(streams),
      types: nodeTypes(streams),
    };
  }

  #names(streams: readonly HeldStream[]): readonly string[] {
    const [only, second] = streams;
    if (only !== undefined && second === undefined) return [this.#nameOf(only.replica)];
    return [...new Set(streams.map(({ replica }) => this.#nameOf(replica)))].sort();
  }

  #held(node: NodeRecord): HeldStream[] {
    const streams: HeldStream[] = [];
    for (const { replica, from, slot } of node.held.values()) {
      const stream = from.streams.get(slot);
      if (stream === undefined) continue;
      const { identity, progress } = stream;
      streams.push({ identity, progress, replica, fresh: from.fresh });
    }
    return streams;
  }

  #forgetGone(nowMs: number): void {
    for (const [nodeId, { view }] of this.#gone) {
      if (this.#gone.size <= MAX_GONE && nowMs - view.changedAtMs <= KEEP_GONE_MS) break;
      this.#gone.delete(nodeId);
      this.#nodes.delete(nodeId);
      this.#order = null;
      this.#sorted = null;
    }
  }
}

/** What was reached is had for as long as it only gets more: a newer stream that has less may be of another process. */
function marksOf(marks: Marks = [], was: Position | null, atMs: number, is: Position | null): Marks {
  const grew = was !== null && is !== null && was.epoch === is.epoch && was.n < is.n;
  return grew ? withMark(marks, { n: was.n, atMs }) : [];
}

/** The stream that began last. */
function latestOf(streams: readonly HeldStream[]): HeldStream | undefined {
  let latest = streams[0];
  for (const one of streams)
    if (latest === undefined || one.identity.openedAtMs >= latest.identity.openedAtMs) latest = one;
  return latest;
}

function keyOf(replica: string, slot: number): string {
  return `${slot} ${replica}`;
}

function newcomer({ nodeId, metricsName, envoyVersion, openedAtMs }: StreamIdentity): NodeRecord {
  return {
    held: new Map(),
    unsettled: false,
    settledAtMs: openedAtMs,
    view: {
      nodeId,
      connected: false,
      changedAtMs: openedAtMs,
      credited: null,
      creditedAtMs: openedAtMs,
      routes: null,
      routesAtMs: openedAtMs,
      nack: null,
      metricsName,
      envoyVersion,
      replicas: [],
      types: [],
    },
  };
}
