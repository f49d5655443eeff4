/**
 * The part of Envoy's v3 API that Serin writes, as plain objects in protobuf's camelCase JSON shape.
 * Enums are their names; durations and wrappers are the messages themselves, not JSON shorthands.
 */
export interface Duration {
  readonly seconds: number;
  readonly nanos: number;
}

interface UInt32Value {
  readonly value: number;
}

interface BoolValue {
  readonly value: boolean;
}

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
  readonly httpHealthCheck: { readonly path: string; readonly codecClientType: 'HTTP1' | 'HTTP2' };
}

interface ClusterCommon {
  readonly name: string;
  readonly connectTimeout: Duration;
  readonly commonLbConfig: { readonly healthyPanicThreshold: { readonly value: number } };
  readonly ignoreHealthOnHostRemoval: boolean;
  readonly healthChecks?: readonly HealthCheckResource[];
  readonly typedExtensionProtocolOptions?: Readonly<Record<string, HttpProtocolOptions>>;
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

export type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly safeRegex: { readonly regex: string } };

export type HeaderMatcher = { readonly name: string } & (
  | { readonly stringMatch: StringMatch }
  | { readonly presentMatch: true }
);

export type PathSpecifier =
  | { readonly prefix: string }
  | { readonly path: string }
  | { readonly pathSeparatedPrefix: string }
  | { readonly safeRegex: { readonly regex: string } };

export type RouteMatch = PathSpecifier & {
  readonly headers?: readonly HeaderMatcher[];
  readonly queryParameters?: readonly HeaderMatcher[];
};

export interface RouteResource {
  readonly name: string;
  readonly match: RouteMatch;
  readonly route?: {
    readonly timeout: Duration;
    readonly maxStreamDuration?: { readonly maxStreamDuration: Duration };
    readonly cluster?: string;
    readonly weightedClusters?: {
      readonly clusters: readonly { readonly name: string; readonly weight: UInt32Value }[];
    };
  };
  readonly directResponse?: { readonly status: number; readonly body: { readonly inlineString: string } };
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

/** Becomes a `google.protobuf.Any`. */
interface Typed<T extends string> {
  readonly '@type': `type.googleapis.com/${T}`;
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
    readonly typedConfig: Typed<'envoy.extensions.filters.http.router.v3.Router'>;
  }[];
}

/** Everything one fleet's Envoys are given, each list sorted by name. */
export interface EnvoyResources {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly ClusterLoadAssignment[];
  readonly routes: readonly RouteConfiguration[];
}

export function duration(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1_000_000) };
}
