import type { FleetNode } from '../model/fleet-state.ts';
import { hasReached } from '../model/position.ts';
import type { Position } from '../model/traffic.ts';

/**
 * Where one Envoy is. `current`: it has ACKed all there is; `behind`: not yet; `refused`: behind, because it said no;
 * `gone`: no stream to it.
 */
export const NODE_STANDINGS = ['current', 'behind', 'refused', 'gone'] as const;
export type NodeStanding = (typeof NODE_STANDINGS)[number];

/** @param newest the fleet revision that was committed last; `null`: not known, and then nobody is said to have it. */
export function standingOf({ connected, nack, credited }: FleetNode, newest: Position | null): NodeStanding {
  if (!connected) return 'gone';
  if (nack !== null) return 'refused';
  return hasReached(credited, newest) ? 'current' : 'behind';
}

/** By how many fleet revisions it is behind; `null`: that cannot be said. */
export function lagOf({ credited }: FleetNode, newest: Position | null): number | null {
  if (credited === null || credited.epoch !== newest?.epoch) return null;
  return Math.max(0, newest.n - credited.n);
}

export interface StandingCounts {
  readonly connected: number;
  /** Connected, and not at the newest fleet revision; those that refuse it are among them. */
  readonly behind: number;
  readonly refused: number;
  readonly gone: number;
}

export function countStandings(nodes: readonly FleetNode[], newest: Position | null): StandingCounts {
  const standings = nodes.map((node) => standingOf(node, newest));
  const count = (...wanted: readonly NodeStanding[]) => standings.filter((one) => wanted.includes(one)).length;
  return {
    connected: count('current', 'behind', 'refused'),
    behind: count('behind', 'refused'),
    refused: count('refused'),
    gone: count('gone'),
  };
}

/** One fleet in numbers; of those that are connected, `uncovered` have no fresh series (`null`: not known). */
export interface FleetCounts extends StandingCounts {
  readonly fleet: string;
  readonly uncovered: number | null;
}
