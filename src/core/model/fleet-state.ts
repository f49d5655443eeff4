import type { Position } from './traffic.ts';

/** A fleet revision that a node had reached, and since when it has had that or a later one. */
export interface Mark {
  readonly n: number;
  readonly atMs: number;
}

/** What a node had reached before what it has now, in one epoch and without a break; the oldest first. */
export type Marks = readonly Mark[];

/** What is known of one Envoy. Times are epoch milliseconds of the store's clock. */
export interface FleetNode {
  readonly nodeId: string;
  readonly connected: boolean;
  /** When `connected` last changed. */
  readonly changedAtMs: number;
  /** Newest fleet revision that every stream and type of this node has ACKed; `null`: none yet. */
  readonly credited: Position | null;
  /** When `credited` reached its value. */
  readonly creditedAtMs: number;
  /**
   * Newest fleet revision whose route tables this node has ACKed, whatever its clusters wait for: the least of its
   * streams that carry routes.
   */
  readonly routes: Position | null;
  /** When `routes` reached its value. */
  readonly routesAtMs: number;
  /**
   * What it had reached before, thinned out: since when it has had something older than its newest. Absent: not known, or
   * nothing.
   */
  readonly reached?: { readonly credited: Marks; readonly routes: Marks };
  /** The latest response this node refused and has not replaced by an ACK of the same type. */
  readonly nack: {
    readonly position: Position;
    readonly type: string;
    /** Whose change the refused response was to try out; `null`: it was what every node gets. */
    readonly trial: string | null;
    readonly message: string;
    readonly atMs: number;
  } | null;
  /** This node's name in Prometheus (value of the fleet's `nodeLabel`); `null`: unknown. */
  readonly metricsName: string | null;
  readonly envoyVersion: string | null;
  /** Replicas that hold a stream of it, sorted. */
  readonly replicas: readonly string[];
  /** One entry per type of resources it has asked for; of several streams the one that is furthest behind. */
  readonly types: readonly NodeType[];
}

/** How far one node is with one type of resources. Versions are content hashes: equal content, equal version. */
export interface NodeType {
  readonly type: 'cluster' | 'endpoint' | 'listener' | 'route' | 'runtime';
  readonly protocol: 'sotw' | 'delta';
  /** Does the type have a stream of its own, or share an aggregated one? */
  readonly stream: 'aggregated' | 'own';
  /** The last response handed to the node; `null`: none on this stream yet. */
  readonly sent: string | null;
  /** The last response that it took; `null`: none on this stream yet. */
  readonly acked: string | null;
  /** The last response that it refused and has not replaced by an ACK; `message` is fit to be shown. */
  readonly nack: { readonly version: string; readonly message: string; readonly atMs: number } | null;
}

export interface FleetState {
  readonly fleet: string;
  /** Since when this view is kept; a counted node never seen since then counts as gone from here on. */
  readonly observedSinceMs: number;
  /** Is what every replica knows in here? Nothing may advance on a view that is not complete. */
  readonly complete: boolean;
  readonly nodes: readonly FleetNode[];
}
