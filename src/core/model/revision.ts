import type { EndpointsSpec, HealthCheck, Protocol } from './documents.ts';
import type { RawEnvoy } from './raw-envoy.ts';
import type { UpstreamSettings } from './upstream.ts';

/** One deployed version of a backend: immutable, with its own Envoy cluster. */
export interface Revision {
  /** `<backend>/<name>-<hash>`; the hash covers everything below, so equal keys mean equal content. */
  readonly key: string;
  readonly backend: string;
  readonly name: string;
  /** Envoy cluster name `<backend>--<slug>-<hash>`, `[A-Za-z0-9_-]` only (a dot breaks Envoy's statistics names). */
  readonly cluster: string;
  readonly protocol: Protocol;
  readonly connectTimeoutMs: number;
  readonly healthCheck: HealthCheck | null;
  readonly upstream?: UpstreamSettings;
  readonly rawEnvoy?: RawEnvoy;
  readonly endpoints: EndpointsSpec;
}

const PIN = '--pin';

/** Cluster of requests pinned by a step's `matches`: same endpoints, own statistics. */
export function pinnedCluster(revision: Revision): string {
  // Envoys have no second one of a cluster of their own.
  if (revision.endpoints.kind === 'cluster') return revision.cluster;
  return `${revision.cluster}${PIN}`;
}

export function isPinnedCluster(name: string): boolean {
  return name.endsWith(PIN);
}
