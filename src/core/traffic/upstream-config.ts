import type { Protocol } from '../model/documents.ts';
import type { LoadBalancing, SecretRef, UpstreamSettings, UpstreamTls } from '../model/upstream.ts';
import type { ClusterCommon } from './envoy-resources.ts';
import { duration } from './proto-values.ts';

type Fields = Pick<
  ClusterCommon,
  | 'transportSocket'
  | 'lbPolicy'
  | 'roundRobinLbConfig'
  | 'leastRequestLbConfig'
  | 'outlierDetection'
  | 'circuitBreakers'
>;

const POLICIES: Readonly<Record<LoadBalancing['policy'], NonNullable<ClusterCommon['lbPolicy']>>> = {
  'round-robin': 'ROUND_ROBIN',
  'least-request': 'LEAST_REQUEST',
  random: 'RANDOM',
  'ring-hash': 'RING_HASH',
  maglev: 'MAGLEV',
};

export function upstreamConfig(settings: UpstreamSettings | undefined, protocol: Protocol): Fields {
  const { tls, loadBalancing, outlierEjection, circuitBreaker } = settings ?? {};
  return {
    ...(tls === undefined ? {} : { transportSocket: tlsSocket(tls, protocol) }),
    ...(loadBalancing === undefined ? {} : balancing(loadBalancing)),
    ...(outlierEjection === undefined
      ? {}
      : {
          outlierDetection: {
            // 0 switches it off, here and in Envoy.
            consecutive_5xx: { value: outlierEjection.consecutive5xx },
            consecutiveGatewayFailure: { value: outlierEjection.consecutiveGatewayErrors },
            enforcingConsecutiveGatewayFailure: { value: outlierEjection.consecutiveGatewayErrors === 0 ? 0 : 100 },
            interval: duration(outlierEjection.intervalMs),
            baseEjectionTime: duration(outlierEjection.ejectionMs),
            maxEjectionPercent: { value: outlierEjection.maxEjected },
          },
        }),
    ...(circuitBreaker === undefined ? {} : { circuitBreakers: { thresholds: [thresholds(circuitBreaker)] } }),
  };
}

function balancing({ policy, slowStartMs }: LoadBalancing): Fields {
  const lbPolicy = POLICIES[policy];
  if (slowStartMs === undefined) return { lbPolicy };
  const slow = { slowStartConfig: { slowStartWindow: duration(slowStartMs) } };
  return policy === 'least-request' ? { lbPolicy, leastRequestLbConfig: slow } : { lbPolicy, roundRobinLbConfig: slow };
}

function thresholds({ connections, pending, requests, retries }: NonNullable<UpstreamSettings['circuitBreaker']>) {
  return {
    ...(connections === undefined ? {} : { maxConnections: { value: connections } }),
    ...(pending === undefined ? {} : { maxPendingRequests: { value: pending } }),
    ...(requests === undefined ? {} : { maxRequests: { value: requests } }),
    ...(retries === undefined ? {} : { maxRetries: { value: retries } }),
  };
}

function tlsSocket({ sni, ca, names, certificate }: UpstreamTls, protocol: Protocol) {
  const matchTypedSubjectAltNames = names.map((name) => ({ sanType: 'DNS', matcher: { exact: name } }));
  return {
    name: 'envoy.transport_sockets.tls',
    typedConfig: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      ...(sni === undefined ? {} : { sni }),
      commonTlsContext: {
        ...(protocol === 'http1' ? {} : { alpnProtocols: ['h2'] }),
        ...(certificate === undefined ? {} : ownCertificate(certificate)),
        ...(ca === null ? {} : verifiedBy(ca, { matchTypedSubjectAltNames })),
      },
    },
  } as const;
}

function ownCertificate(certificate: NonNullable<UpstreamTls['certificate']>) {
  if ('sds' in certificate) return { tlsCertificateSdsSecretConfigs: [{ name: certificate.sds }] };
  const { chain, key } = certificate;
  return { tlsCertificates: [{ certificateChain: { filename: chain }, privateKey: { filename: key } }] };
}

function verifiedBy(ca: SecretRef, names: { readonly matchTypedSubjectAltNames: readonly object[] }) {
  if ('file' in ca) return { validationContext: { trustedCa: { filename: ca.file }, ...names } };
  return {
    combinedValidationContext: {
      defaultValidationContext: names,
      validationContextSdsSecretConfig: { name: ca.sds },
    },
  };
}
