import type { HostPort, RouteSpec } from './documents.ts';
import type { PinMatch } from './match.ts';
import type { Revision } from './revision.ts';
import type { HeaderChanges } from './route-rule.ts';
import type { StickyArms } from './sticky.ts';

/** A fleet revision. The epoch changes when a store is restored or reconciled. */
export interface Position {
  readonly epoch: string;
  readonly n: number;
}

export type TrafficOwner = `route/${string}` | `backend/${string}` | `listener/${string}`;

/** What one backend contributes to a fleet's Envoys. A pure function of its state and its rollout. */
export interface BackendTraffic {
  readonly kind: 'backend';
  readonly backend: string;
  /** Every revision whose clusters are served, retired ones included; ordered by key. */
  readonly revisions: readonly Revision[];
  /** Revisions that also get a cluster for pinned requests; keys. */
  readonly pinned: readonly string[];
  /** Arms in fixed order, weights summing to 10,000; empty while the backend has no revision. */
  readonly split: readonly { readonly cluster: string; readonly weight: number }[];
  /** Arms of the split beside stable and the canary, by name. @default none */
  readonly variants?: readonly { readonly name: string; readonly cluster: string }[];
  readonly pins: readonly { readonly matches: readonly PinMatch[]; readonly cluster: string }[];
  /** Hosts of revisions whose endpoints the API tells. @default there are none of that kind */
  readonly endpoints?: readonly ClusterEndpoints[];
  /** Users stay with an arm. @default every request is drawn by itself */
  readonly sticky?: StickyArms;
  /** A cluster that gets copies of so many requests, in basis points. @default none */
  readonly mirror?: { readonly cluster: string; readonly share: number };
  /** Changes for an arm, wherever requests go to it; clusters. @default none */
  readonly headers?: { readonly clusters: readonly string[]; readonly changes: HeaderChanges };
  /** A header that tells every arm's hosts which arm it is; values by cluster. @default none */
  readonly colour?: {
    readonly header: string;
    readonly arms: readonly { readonly cluster: string; readonly value: string }[];
  };
  /** A stream that starts now ends after so long, ms; `null`: by the rule's timeout alone. */
  readonly maxStreamMs: number | null;
}

export interface ClusterEndpoints {
  readonly cluster: string;
  readonly addresses: readonly HostPort[];
}

export interface RouteTraffic {
  readonly kind: 'route';
  readonly route: string;
  readonly spec: RouteSpec;
}

/** Where the fleet's Envoys take requests; they go by the fleet's route table. */
export interface ListenerTraffic {
  readonly kind: 'listener';
  readonly listener: string;
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

export type OwnerTraffic = BackendTraffic | RouteTraffic | ListenerTraffic;

/**
 * A change that one node tries out before the others get it: so a refusal names its culprit and stays on one node.
 * Part of the records like everything else that Envoys are told.
 */
export interface Trial {
  /** Who tries: `rollout/<id>` or `apply/<id>`. A fleet has one trial at a time. */
  readonly by: string;
  /** The node that gets the changes. */
  readonly probe: string;
  /** `null` takes the owner out of the table. */
  readonly changes: readonly (readonly [TrafficOwner, OwnerTraffic | null])[];
}

/** All that a fleet's Envoys are told, as of one fleet revision: one consistent read. */
export interface FleetTable {
  readonly fleet: string;
  readonly position: Position;
  /** `n`: the fleet revision at which it began. */
  readonly trial: (Trial & { readonly n: number }) | null;
  /** `n` is the fleet revision at which this owner's value last changed in what Envoys are asked to confirm. */
  readonly owners: ReadonlyMap<TrafficOwner, { readonly n: number; readonly value: OwnerTraffic }>;
}
