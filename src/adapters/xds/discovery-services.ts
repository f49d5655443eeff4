import type { MethodDefinition, ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js';
import type { StreamVariant } from './stream-session.ts';
import type { XdsType } from './xds-types.ts';

/** A bidirectional stream of undecoded messages. */
export type RawStream = ServerDuplexStream<Buffer, Buffer>;

const identity = (bytes: Buffer): Buffer => bytes;

interface DiscoveryService {
  readonly only: XdsType | null;
  readonly name: string;
  readonly sotw: string;
  readonly delta: string;
}

/** The aggregated service and one service per type, each in both protocols (C1). */
const SERVICES: readonly DiscoveryService[] = [
  {
    only: null,
    name: 'envoy.service.discovery.v3.AggregatedDiscoveryService',
    sotw: 'StreamAggregatedResources',
    delta: 'DeltaAggregatedResources',
  },
  service('cluster', 'ClusterDiscoveryService', 'Clusters'),
  service('endpoint', 'EndpointDiscoveryService', 'Endpoints'),
  service('listener', 'ListenerDiscoveryService', 'Listeners'),
  service('route', 'RouteDiscoveryService', 'Routes'),
  service('runtime', 'RuntimeDiscoveryService', 'Runtime'),
];

export interface DiscoveryMethod {
  readonly variant: StreamVariant;
  readonly definition: MethodDefinition<Buffer, Buffer>;
}

/**
 * Every method that an Envoy may open a stream with. Written by hand, with bytes in and out: so responses are encoded
 * once and shared by all streams, and bytes that cannot be decoded are our own error on that stream alone.
 */
export const DISCOVERY_METHODS: readonly DiscoveryMethod[] = SERVICES.flatMap(({ only, name, sotw, delta }) => [
  { variant: { protocol: 'sotw', only }, definition: bidirectional(name, sotw) },
  { variant: { protocol: 'delta', only }, definition: bidirectional(name, delta) },
]);

export const DISCOVERY_SERVICE: ServiceDefinition = Object.fromEntries(
  DISCOVERY_METHODS.map(({ definition }) => [definition.path, definition]),
);

function service(only: XdsType, name: string, what: string): DiscoveryService {
  return { only, name: `envoy.service.${only}.v3.${name}`, sotw: `Stream${what}`, delta: `Delta${what}` };
}

function bidirectional(service: string, method: string): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/${service}/${method}`,
    originalName: method,
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}
