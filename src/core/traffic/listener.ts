import type { ListenerTraffic } from '../model/traffic.ts';
import type { Listener } from './envoy-resources.ts';
import { IDLE_FILTERS } from './filter-config.ts';
import { safeName } from './safe-name.ts';

/** A listener whose requests go by the fleet's route table. Without the router filter Envoy takes them and hangs. */
export function listenerOf({ listener, address, port }: ListenerTraffic, fleet: string): Listener {
  return {
    name: listener,
    address: { socketAddress: { address, portValue: port } },
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typedConfig: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              statPrefix: safeName(listener),
              // Else a client's own `x-envoy-…` headers would be believed.
              useRemoteAddress: { value: true },
              rds: { routeConfigName: fleet, configSource: { ads: {}, resourceApiVersion: 'V3' } },
              httpFilters: [
                ...IDLE_FILTERS,
                {
                  name: 'envoy.filters.http.router',
                  typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

type Bound = Pick<ListenerTraffic, 'address' | 'port'>;

/** Envoy takes both, and of two on one address the second one never gets the port. */
export function shareAPort(one: Bound, other: Bound): boolean {
  if (one.port !== other.port) return false;
  const [a, b] = [canonical(one.address), canonical(other.address)];
  if (a === b) return true;
  // An IPv6 address of Envoy's takes no IPv4.
  return isIpv6(a) === isIpv6(b) && [a, b].some((address) => address === '0.0.0.0' || address === '[::]');
}

/** One spelling of each address. */
function canonical(address: string): string {
  return isIpv6(address) ? new URL(`http://[${address}]`).hostname : address;
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}
