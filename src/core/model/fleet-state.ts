import type { Position } from './traffic.ts';

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
  /** The latest response this node refused and has not replaced by an ACK of the same type. */
  readonly nack: {
    readonly position: Position;
    readonly type: string;
    readonly message: string;
    readonly atMs: number;
  } | null;
  /** This node's name in Prometheus (value of the fleet's `nodeLabel`); `null`: unknown. */
  readonly metricsName: string | null;
  readonly envoyVersion: string | null;
}

export interface FleetState {
  readonly fleet: string;
  /** Since when this view is kept; a counted node never seen since then counts as gone from here on. */
  readonly observedSinceMs: number;
  readonly nodes: readonly FleetNode[];
}
