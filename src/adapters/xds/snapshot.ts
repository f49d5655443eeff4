import type { Position } from '../../core/model/traffic.ts';
import type { EnvoyResources, RouteConfiguration } from '../../core/traffic/envoy-resources.ts';
import { type Codec, contentHash, type EncodedResource } from './codec.ts';
import type { XdsType } from './xds-types.ts';

/** All resources of one type, in order of their names. */
export interface TypeContent {
  /** Content hash over names and bytes; becomes the `version_info` of a response that carries all of them. */
  readonly version: string;
  readonly resources: ReadonlyMap<string, EncodedResource>;
  readonly versions: ReadonlyMap<string, string>;
}

/** What a fleet is told at one fleet revision, encoded once for all its streams. */
export interface Snapshot {
  readonly position: Position;
  /** Counts the snapshots of this process; makes nonces that all streams share. */
  readonly sequence: number;
  /** Whose change its one node tries out; `null`: it is what every node gets. */
  readonly trial: string | null;
  readonly cluster: TypeContent;
  readonly endpoint: TypeContent;
  readonly listener: TypeContent;
  readonly route: TypeContent;
  /** The name under which a cluster asks for its endpoints; several may share one. */
  readonly services: ReadonlyMap<string, string>;
  /** Clusters that each route configuration names; not those that Envoys have from elsewhere. */
  readonly references: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Content equal to the previous snapshot's keeps its object, so streams see by identity that nothing changed. */
export function buildSnapshot(
  resources: EnvoyResources,
  position: Position,
  sequence: number,
  codec: Codec,
  previous: Snapshot | null,
): Snapshot {
  const encode = <T extends object>(type: XdsType, items: readonly T[], nameOf: (item: T) => string) =>
    items.map((item) => codec.encodeResource(type, nameOf(item), item));
  const clusters = encode('cluster', resources.clusters, ({ name }) => name);
  const endpoints = encode('endpoint', resources.endpoints, ({ clusterName }) => clusterName);
  const listeners = encode('listener', resources.listeners, ({ name }) => name);
  const routes = encode('route', resources.routes, ({ name }) => name);
  const own = new Set(resources.clusters.map(({ name }) => name));
  return {
    position,
    sequence,
    trial: null,
    cluster: typeContent(clusters, previous?.cluster),
    endpoint: typeContent(endpoints, previous?.endpoint),
    listener: typeContent(listeners, previous?.listener),
    route: typeContent(routes, previous?.route),
    services: new Map(
      resources.clusters.flatMap((cluster) =>
        cluster.type === 'EDS' ? [[cluster.name, cluster.edsClusterConfig.serviceName] as const] : [],
      ),
    ),
    references: new Map(resources.routes.map((route) => [route.name, referencedClusters(route, own)])),
  };
}

/** The `version_info` of a set of resources: the same on every replica for the same content. */
export function versionOf(resources: Iterable<Pick<EncodedResource, 'name' | 'version'>>): string {
  const parts: string[] = [];
  for (const { name, version } of resources) parts.push(name, version);
  return contentHash(parts);
}

function typeContent(encoded: readonly EncodedResource[], previous: TypeContent | undefined): TypeContent {
  const version = versionOf(encoded);
  if (previous?.version === version) return previous;
  return {
    version,
    resources: new Map(encoded.map((resource) => [resource.name, resource])),
    versions: new Map(encoded.map(({ name, version }) => [name, version])),
  };
}

function referencedClusters(route: RouteConfiguration, own: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const host of route.virtualHosts) {
    for (const { route: action } of host.routes) {
      if (action?.cluster !== undefined) names.add(action.cluster);
      for (const { name } of action?.weightedClusters?.clusters ?? []) names.add(name);
      for (const { cluster } of action?.requestMirrorPolicies ?? []) names.add(cluster);
    }
  }
  return new Set([...names].filter((name) => own.has(name)));
}
