import type { EndpointsSpec, HostPort } from '../model/documents.ts';
import { oncePer } from '../model/once-per.ts';
import type { Revision } from '../model/revision.ts';
import type { ClusterEndpoints } from '../model/traffic.ts';
import type { ClusterLoadAssignment } from './envoy-resources.ts';

/** Those that Serin tells; of a cluster of their own the Envoys know them. */
export type HostEndpoints = Exclude<EndpointsSpec, { kind: 'cluster' }>;

const IPV4 = /^(?:\d{1,3}\.){3}\d{1,3}$/;

/** No host name holds a colon, so whatever does is meant as an IPv6 address. */
function isIpAddress(host: string): boolean {
  return IPV4.test(host) || host.includes(':');
}

/** Envoy refuses host names in endpoint discovery; one of them makes the whole revision resolved by DNS. */
export function usesEndpointDiscovery(endpoints: HostEndpoints): boolean {
  if (endpoints.kind === 'api') return true;
  return endpoints.kind === 'static' && endpoints.addresses.every(({ host }) => isIpAddress(host));
}

/** Those of a revision whose hosts never change. */
export type FixedEndpoints = Exclude<HostEndpoints, { kind: 'api' }>;

/** The endpoints of a revision under a cluster or service name. */
export function loadAssignment(name: string, endpoints: FixedEndpoints): ClusterLoadAssignment {
  const addresses: readonly HostPort[] = endpoints.kind === 'static' ? endpoints.addresses : [endpoints];
  return {
    clusterName: name,
    endpoints: [
      {
        lbEndpoints: addresses.map(({ host, port }) => ({
          endpoint: { address: { socketAddress: { address: host, portValue: port } } },
        })),
      },
    ],
  };
}

/** The resource that both clusters of a revision (weighted and pinned) read; `null`: they resolve by DNS. */
export function endpointsOf(
  revision: Revision,
  told: readonly ClusterEndpoints[] | undefined,
): ClusterLoadAssignment | null {
  if (revision.endpoints.kind !== 'api') return fixedOf(revision);
  const own = told?.find(({ cluster }) => cluster === revision.cluster);
  return own === undefined ? noneOf(revision) : toldOf(own);
}

const fixedOf = oncePer(({ endpoints, cluster }: Revision): ClusterLoadAssignment | null =>
  endpoints.kind === 'cluster' || endpoints.kind === 'api' || !usesEndpointDiscovery(endpoints)
    ? null
    : loadAssignment(cluster, endpoints),
);

const toldOf = oncePer(({ cluster, addresses }: ClusterEndpoints) =>
  loadAssignment(cluster, { kind: 'static', addresses }),
);

/** An empty answer: a cluster that gets none warms until its time-out. */
const noneOf = oncePer(({ cluster }: Revision) => loadAssignment(cluster, { kind: 'static', addresses: [] }));
