import type { HealthCheck, Protocol } from '../model/documents.ts';
import { oncePer } from '../model/once-per.ts';
import { pinnedCluster, type Revision } from '../model/revision.ts';
import { type HostEndpoints, loadAssignment, usesEndpointDiscovery } from './endpoints.ts';
import type { Cluster, HealthCheckResource } from './envoy-resources.ts';
import { mergeRaw } from './merge-raw.ts';
import { duration } from './proto-values.ts';
import { upstreamConfig } from './upstream-config.ts';

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/**
 * The clusters of one revision. They depend on the immutable revision alone, never on its role: Envoy drops a
 * cluster's response-class and latency series when its definition changes, and with them the judge's evidence.
 */
export function clustersOf(revision: Revision, pinned: boolean): readonly Cluster[] {
  const both = bothClusters(revision);
  return pinned ? both : both.slice(0, 1);
}

const bothClusters = oncePer((revision: Revision): readonly Cluster[] => {
  const { endpoints } = revision;
  if (endpoints.kind === 'cluster') return [];
  return [revision.cluster, pinnedCluster(revision)].map((name) =>
    mergeRaw(cluster(revision, name, endpoints), revision.rawEnvoy),
  );
});

function cluster(revision: Revision, name: string, endpoints: HostEndpoints): Cluster {
  const { healthCheck, protocol, upstream } = revision;
  const common = {
    name,
    connectTimeout: duration(revision.connectTimeoutMs),
    // 0: an arm without a healthy host answers 503 and is seen, instead of traffic going to hosts known to be bad.
    commonLbConfig: {
      healthyPanicThreshold: { value: 0 },
      // By default what a check finds counts up to a second after other hosts came: all of them new, and there is none.
      ...(endpoints.kind === 'api' && healthCheck !== null ? { updateMergeWindow: duration(0) } : {}),
    },
    // Without it a host that was removed stays in use until its health check fails.
    ignoreHealthOnHostRemoval: true,
    ...(healthCheck === null ? {} : { healthChecks: [healthCheckOf(healthCheck, protocol)] }),
    ...(protocol === 'http1' ? {} : http2()),
    ...upstreamConfig(upstream, protocol),
  };
  if (endpoints.kind === 'api' || usesEndpointDiscovery(endpoints)) {
    return {
      ...common,
      type: 'EDS',
      edsClusterConfig: { serviceName: revision.cluster, edsConfig: { ads: {}, resourceApiVersion: 'V3' } },
    };
  }
  return {
    ...common,
    type: 'STRICT_DNS',
    // The default asks for IPv6 first and uses it alone if it exists: `localhost` then misses an IPv4 server.
    dnsLookupFamily: 'V4_PREFERRED',
    loadAssignment: loadAssignment(name, endpoints),
  };
}

function healthCheckOf(check: HealthCheck, protocol: Protocol): HealthCheckResource {
  return {
    timeout: duration(check.timeoutMs),
    interval: duration(check.intervalMs),
    // Before its first request a cluster is checked only every 60 s by default; a canary at weight 0 would wait.
    noTrafficInterval: duration(check.intervalMs),
    unhealthyThreshold: { value: check.unhealthyThreshold },
    healthyThreshold: { value: check.healthyThreshold },
    ...checked(check, protocol),
  };
}

function checked({ path, grpc }: HealthCheck, protocol: Protocol): Partial<HealthCheckResource> {
  if (path !== undefined) {
    return { httpHealthCheck: { path, codecClientType: protocol === 'http1' ? 'HTTP1' : 'HTTP2' } };
  }
  return grpc === undefined ? { tcpHealthCheck: {} } : { grpcHealthCheck: { serviceName: grpc.service } };
}

function http2(): Pick<Cluster, 'typedExtensionProtocolOptions'> {
  return {
    typedExtensionProtocolOptions: {
      [HTTP_OPTIONS]: {
        '@type': `type.googleapis.com/${HTTP_OPTIONS}`,
        explicitHttpConfig: { http2ProtocolOptions: {} },
      },
    },
  };
}
