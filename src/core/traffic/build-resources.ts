import type { Result } from '../model/errors.ts';
import { ok } from '../model/errors.ts';
import type { BackendTraffic, FleetTable, RouteTraffic } from '../model/traffic.ts';
import { checkResources } from './check-resources.ts';
import { clustersOf } from './cluster.ts';
import { endpointsOf } from './endpoints.ts';
import type { Cluster, ClusterLoadAssignment, EnvoyResources, Listener } from './envoy-resources.ts';
import { foreignClusters } from './foreign-clusters.ts';
import { listenerOf } from './listener.ts';
import { routeConfiguration } from './route-configuration.ts';

/**
 * What the Envoys of a fleet are told: a pure function of the table, so that every replica, restart and replay
 * says the same. Refused when the table is inconsistent; the error names the owner to look at.
 */
export function buildResources(table: FleetTable): Result<EnvoyResources> {
  const backends = new Map<string, BackendTraffic>();
  const routes: RouteTraffic[] = [];
  const listeners: Listener[] = [];
  for (const { value } of table.owners.values()) {
    if (value.kind === 'backend') backends.set(value.backend, value);
    else if (value.kind === 'listener') listeners.push(listenerOf(value, table.fleet));
    else if (value.spec.fleet === table.fleet) routes.push(value);
  }
  const clusters: Cluster[] = [];
  const endpoints: ClusterLoadAssignment[] = [];
  for (const backend of backends.values()) {
    const pinned = new Set(backend.pinned);
    for (const revision of backend.revisions) {
      clusters.push(...clustersOf(revision, pinned.has(revision.key)));
      const assignment = endpointsOf(revision, backend.endpoints);
      if (assignment !== null) endpoints.push(assignment);
    }
  }
  const foreign = foreignClusters(table);
  const resources: EnvoyResources = {
    listeners: listeners.sort((a, b) => byText(a.name, b.name)),
    clusters: clusters.sort((a, b) => byText(a.name, b.name)),
    endpoints: endpoints.sort((a, b) => byText(a.clusterName, b.clusterName)),
    routes: [routeConfiguration(table.fleet, routes, backends, foreign.length > 0)],
  };
  const errors = checkResources(table, resources, foreign);
  return errors.length === 0 ? ok(resources) : { kind: 'error', errors };
}

/** By code unit: the same on every machine, whatever its locale. */
function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
