import type { EndpointsSpec, HostPort } from '../model/documents.ts';
import type { Revision } from '../model/revision.ts';
import type { ClusterLoadAssignment } from './envoy-resources.ts';

const IPV4 = /^(?:\d{1,3}\.){3}\d{1,3}$/;

/** No host name holds a colon, so whatever does is meant as an IPv6 address. */
function isIpAddress(host: string): boolean {
  return IPV4.test(host) || host.includes(':');
}

/** Envoy refuses host names in endpoint discovery; one of them makes the whole revision resolved by DNS. */
export function usesEndpointDiscovery(endpoints: EndpointsSpec): boolean {
  return endpoints.kind === 'static' && endpoints.addresses.every(({ host }) => isIpAddress(host));
}

/** The endpoints of a revision under a cluster or service name. */
export function loadAssignment(name: string, endpoints: EndpointsSpec): ClusterLoadAssignment {
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
export function endpointsOf(revision: Revision): ClusterLoadAssignment | null {
  return usesEndpointDiscovery(revision.endpoints) ? loadAssignment(revision.cluster, revision.endpoints) : null;
}
