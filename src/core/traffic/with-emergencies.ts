import { TOTAL_WEIGHT } from '../model/documents.ts';
import { hasReached } from '../model/position.ts';
import type { BackendTraffic, FleetTable, OwnerTraffic, Position } from '../model/traffic.ts';

/** A decision to send a backend back to stable that the store does not have (yet). */
export interface Override {
  readonly backend: string;
  /** The stable revision's, as it was when the decision was taken. */
  readonly cluster: string;
  /** By fleet: the first table in which the decision is written down; none: there is none yet. */
  readonly releasedAt: Readonly<Record<string, Position>>;
}

/**
 * The table with all requests of those backends at stable, as an abort would have it. Clusters stay, so an Envoy takes it
 * without warming anything. It may only ever take weight away from a canary: a table without the stable cluster stays as
 * it is, and so does one that has the decision.
 */
export function withEmergencies(table: FleetTable, overrides: readonly Override[]): FleetTable {
  const clusters = new Map(
    overrides.filter((one) => isOpen(one, table)).map(({ backend, cluster }) => [backend, cluster]),
  );
  if (clusters.size === 0) return table;
  let changed = false;
  const toStable = <T extends OwnerTraffic | null>(value: T): T | BackendTraffic => {
    if (value?.kind !== 'backend') return value;
    const cluster = clusters.get(value.backend);
    const served = value.revisions.some((revision) => revision.cluster === cluster);
    if (cluster === undefined || !served || isStable(value, cluster)) return value;
    changed = true;
    const { sticky: _, mirror: __, headers: ___, ...rest }: BackendTraffic = value;
    return { ...rest, split: [{ cluster, weight: TOTAL_WEIGHT }], pins: [], maxStreamMs: null };
  };
  const owners: FleetTable['owners'] = new Map(
    [...table.owners].map(([owner, one]) => {
      const value = toStable(one.value);
      return [owner, value === one.value ? one : { ...one, value }];
    }),
  );
  const trial =
    table.trial === null
      ? null
      : { ...table.trial, changes: table.trial.changes.map(([owner, value]) => [owner, toStable(value)] as const) };
  return changed ? { ...table, owners, trial } : table;
}

/** Of another epoch a person has decided, who knew. */
function isOpen({ releasedAt }: Override, { fleet, position }: FleetTable): boolean {
  const released = releasedAt[fleet];
  return released === undefined || (released.epoch === position.epoch && !hasReached(position, released));
}

function isStable({ split, pins }: BackendTraffic, cluster: string): boolean {
  const [only, second] = split;
  return pins.length === 0 && second === undefined && only?.cluster === cluster;
}
