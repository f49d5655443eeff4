import type { FleetTable } from '../model/traffic.ts';

/** Clusters that routes name and Serin does not make: the Envoys have them from elsewhere. */
export function foreignClusters(table: FleetTable): readonly string[] {
  return [...table.owners.values()].flatMap(({ value }) =>
    value.kind !== 'backend'
      ? []
      : value.revisions.flatMap(({ cluster, endpoints }) => (endpoints.kind === 'cluster' ? [cluster] : [])),
  );
}
