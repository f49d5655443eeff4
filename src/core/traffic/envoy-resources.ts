import type { BoolValue, Duration, Typed, UInt32Value } from './proto-values.ts';
import type { RouteResource } from './route-resource.ts';

/**
 * The part of Envoy's v3 API that Serin writes, as plain objects in protobuf's camelCase JSON shape.
 * Enums are their names; durations and wrappers are the messages themselves, not JSON shorthands.
 */
export interface Address {
  readonly socketAddress: { readonly address: string; readonly portValue: number };
}

export interface ClusterLoadAssignment {
  readonly clusterName: string;
  readonly endpoints: readonly {
    readonly lbEndpoints: readonly { readonly endpoint: { readonly address: Address } }[];
  }[];
}

export interface HealthCheckResource {
  readonly timeout: Duration;
  readonly interval: Duration;
  readonly noTrafficInterval: Duration;
  readonly unhealthyThreshold: UInt32Value;
  readonly healthyThreshold: UInt32Value;
  readonly httpHealthCheck?: { readonly path: string; readonly codecClientType: 'HTTP1' | 'HTTP2' };
  readonly grpcHealthCheck?: { readonly serviceName: string };
  readonly tcpHealthCheck?: Readonly<Record<string, never>>;
}

export interface ClusterCommon {
  readonly name: string;
  readonly connectTimeout: Duration;
  readonly commonLbConfig: {
    readonly healthyPanicThreshold: { readonly value: number };
    readonly updateMergeWindow?: Duration;
  };
  readonly ignoreHealthOnHostRemoval: boolean;
  readonly healthChecks?: readonly HealthCheckResource[];
  readonly typedExtensionProtocolOptions?: Readonly<Record<string, HttpProtocolOptions>>;
  readonly transportSocket?: {
    readonly name: string;
    readonly typedConfig: Typed<'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'>;
  };
  readonly lbPolicy?: 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM' | 'RING_HASH' | 'MAGLEV';
  readonly roundRobinLbConfig?: SlowStart;
  readonly leastRequestLbConfig?: SlowStart;
  readonly outlierDetection?: {
    // The bundle keeps this one name as Envoy writes it; under any other it would not be sent.
    readonly consecutive_5xx: UInt32Value;
    readonly consecutiveGatewayFailure: UInt32Value;
    readonly enforcingConsecutiveGatewayFailure: UInt32Value;
    readonly interval: Duration;
    readonly baseEjectionTime: Duration;
    readonly maxEjectionPercent: UInt32Value;
  };
  readonly circuitBreakers?: {
    readonly thresholds: readonly {
      readonly maxConnections?: UInt32Value;
      readonly maxPendingRequests?: UInt32Value;
      readonly maxRequests?: UInt32Value;
      readonly maxRetries?: UInt32Value;
    }[];
  };
}

interface SlowStart {
  readonly slowStartConfig: { readonly slowStartWindow: Duration };
}

export type Cluster = ClusterCommon &
  (
    | {
        readonly type: 'EDS';
        readonly edsClusterConfig: {
          readonly serviceName: string;
          readonly edsConfig: { readonly ads: Readonly<Record<string, never>>; readonly resourceApiVersion: 'V3' };
        };
      }
    | {
        readonly type: 'STRICT_DNS';
        readonly dnsLookupFamily: 'V4_PREFERRED';
        readonly loadAssignment: ClusterLoadAssignment;
      }
  );

/** Becomes a `google.protobuf.Any`. */
export interface HttpProtocolOptions {
  readonly '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  readonly explicitHttpConfig: { readonly http2ProtocolOptions: Readonly<Record<string, never>> };
}

export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly RouteResource[];
}

export interface RouteConfiguration {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  readonly ignorePortInHostMatching: boolean;
  readonly validateClusters: BoolValue;
}

export interface Listener {
  readonly name: string;
  readonly address: Address;
  readonly filterChains: readonly {
    readonly filters: readonly {
      readonly name: string;
      readonly typedConfig: HttpConnectionManager;
    }[];
  }[];
}

export interface HttpConnectionManager
  extends Typed<'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'> {
  readonly statPrefix: string;
  readonly useRemoteAddress: BoolValue;
  readonly rds: {
    readonly routeConfigName: string;
    readonly configSource: { readonly ads: Readonly<Record<string, never>>; readonly resourceApiVersion: 'V3' };
  };
  readonly httpFilters: readonly {
    readonly name: string;
    readonly typedConfig: Typed<string>;
  }[];
}

/** Everything one fleet's Envoys are given, each list sorted by name. */
export interface EnvoyResources {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly ClusterLoadAssignment[];
  readonly routes: readonly RouteConfiguration[];
}
