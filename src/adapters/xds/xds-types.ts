/** Resource types that Serin answers for, in the order in which a stream must get them (make before break). */
export const XDS_TYPES = ['cluster', 'endpoint', 'listener', 'route', 'runtime'] as const;
export type XdsType = (typeof XDS_TYPES)[number];

export const TYPE_URLS: Readonly<Record<XdsType, string>> = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  runtime: 'type.googleapis.com/envoy.service.runtime.v3.Runtime',
};

const BY_URL: ReadonlyMap<string, XdsType> = new Map(XDS_TYPES.map((type) => [TYPE_URLS[type], type]));

export function xdsTypeOf(typeUrl: string): XdsType | null {
  return BY_URL.get(typeUrl) ?? null;
}

/**
 * Clusters and listeners: a response is the full state, what it lacks is deleted, and an empty list of names
 * means all of them. For the others absence means nothing and an empty list means none.
 */
export function isFullState(type: XdsType): boolean {
  return type === 'cluster' || type === 'listener';
}
