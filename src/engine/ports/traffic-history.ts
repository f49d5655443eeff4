import type { PlainResource } from '../../core/fleet/resource-diff.ts';
import type { NodeType } from '../../core/model/fleet-state.ts';
import type { FleetTable, Position } from '../../core/model/traffic.ts';

/** The newest table of a fleet that this process has read. */
export interface NewestTable {
  readonly position: Position;
  readonly trial: FleetTable['trial'];
}

/** What the Envoys were given lately. It forgets: the oldest goes first. */
export interface TrafficHistory {
  /** `null`: none was read yet. */
  newest(fleet: string): NewestTable | null;
  /** What the Envoys are given now: a newer table may have been refused. `null`: nothing yet. */
  running(fleet: string): FleetTable | null;
  /** All there was of one type under a version of that type; `null`: not known (any more). */
  ofVersion(fleet: string, type: NodeType['type'], version: string): readonly PlainResource[] | null;
  /** All there was of one type for this node at a fleet revision; `null`: not known (any more). */
  ofPosition(
    fleet: string,
    type: NodeType['type'],
    position: Position,
    nodeId: string,
  ): readonly PlainResource[] | null;
}
