import { isObject } from '../model/is-object.ts';
import type { FleetTable } from '../model/traffic.ts';
import { foreignClusters } from './foreign-clusters.ts';
import { listenerOf } from './listener.ts';

type Json = Readonly<Record<string, unknown>>;

/** Resources as Envoy reads them from a file. */
export interface ResourcesJson {
  readonly listeners: readonly Json[];
  readonly clusters: readonly Json[];
  readonly endpoints: readonly Json[];
  readonly routes: readonly Json[];
}

const ADS = 'serin-xds';
const FROM_ADS = { ads: {}, resourceApiVersion: 'V3' } as const;

/** The listener through which Envoy is to read the routes, as Serin writes those of a fleet. Nothing listens. */
export function probeListener(fleet: string) {
  return listenerOf({ kind: 'listener', listener: 'ingress', address: '127.0.0.1', port: 10_000 }, fleet);
}

/**
 * A bootstrap with what a fleet gets, for an Envoy that only says whether it takes it: the very clusters and routes,
 * with the routes in the listener, as without a server Envoy reads none from elsewhere.
 */
export function staticBootstrap(table: FleetTable, { listeners, clusters, endpoints, routes }: ResourcesJson): Json {
  const own = new Set([ADS, ...clusters.map(({ name }) => name)]);
  const foreign = [...new Set(foreignClusters(table))].filter((name) => !own.has(name));
  return {
    node: { id: 'serin-verify', cluster: table.fleet },
    dynamicResources: {
      adsConfig: {
        apiType: 'GRPC',
        transportApiVersion: 'V3',
        grpcServices: [{ envoyGrpc: { clusterName: ADS } }],
      },
    },
    staticResources: {
      listeners: listeners.map((listener) => withRoutes(listener, routes) as Json),
      clusters: [
        { name: ADS, type: 'STATIC', connectTimeout: '1s', typedExtensionProtocolOptions: HTTP2 },
        ...clusters.map((cluster) => withSecretSource(cluster) as Json),
        // Endpoints come over the stream; as those of a cluster of their own they are read now.
        ...endpoints.map((loadAssignment, i) => ({
          ...{ name: `serin-endpoints-${i}`, type: 'STATIC', connectTimeout: '1s', loadAssignment },
        })),
        // Envoys have these by themselves.
        ...foreign.map((name) => ({ name, type: 'STATIC', connectTimeout: '1s' })),
      ],
    },
  };
}

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HTTP2 = {
  [HTTP_OPTIONS]: {
    '@type': `type.googleapis.com/${HTTP_OPTIONS}`,
    explicitHttpConfig: { http2ProtocolOptions: {} },
  },
};

/** In place of the name by which a listener asks for its routes, the routes. */
function withRoutes(value: unknown, routes: readonly Json[]): unknown {
  return mapped(value, (object) => {
    const { rds, ...others } = object;
    return isObject(rds) ? { ...others, routeConfig: routes.find(({ name }) => name === rds.routeConfigName) } : object;
  });
}

/** Secrets that an Envoy has under a name come from anywhere here: only the Envoys know whether they are there. */
function withSecretSource(value: unknown): unknown {
  return mapped(value, (object) => {
    const { tlsCertificateSdsSecretConfigs: own, validationContextSdsSecretConfig: ca } = object;
    return {
      ...object,
      ...(Array.isArray(own)
        ? { tlsCertificateSdsSecretConfigs: own.map((one: Json) => ({ ...one, sdsConfig: FROM_ADS })) }
        : {}),
      ...(isObject(ca) ? { validationContextSdsSecretConfig: { ...ca, sdsConfig: FROM_ADS } } : {}),
    };
  });
}

/** Every object in a value, changed from the inside out. */
function mapped(value: unknown, change: (object: Json) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  if (!isObject(value)) return value;
  return change(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, change)])));
}
