/** How an Envoy speaks to the hosts of a revision, beyond the protocol. Part of what makes a revision. */
export interface UpstreamSettings {
  readonly tls?: UpstreamTls;
  readonly loadBalancing?: LoadBalancing;
  readonly outlierEjection?: OutlierEjection;
  readonly circuitBreaker?: CircuitBreaker;
}

/** Where a secret is, never the secret: a file on the Envoy's machine, or one of Envoy's own secrets by name. */
export type SecretRef = { readonly file: string } | { readonly sds: string };

export interface UpstreamTls {
  readonly sni?: string;
  /** Who signs the hosts' certificates; `null`: they are not verified. */
  readonly ca: SecretRef | null;
  /** One of them has to stand in the certificate. Empty: any name will do. */
  readonly names: readonly string[];
  /** What Envoy shows of itself. */
  readonly certificate?: { readonly chain: string; readonly key: string } | { readonly sds: string };
}

export const LB_POLICIES = ['round-robin', 'least-request', 'random', 'ring-hash', 'maglev'] as const;

export interface LoadBalancing {
  readonly policy: (typeof LB_POLICIES)[number];
  /** A new host gets its full share of requests after so long. */
  readonly slowStartMs?: number;
}

/** A host that answers badly is left out for a while. */
export interface OutlierEjection {
  /** In a row; gateway errors are 502, 503 and 504. */
  readonly consecutive5xx: number;
  readonly consecutiveGatewayErrors: number;
  readonly intervalMs: number;
  readonly ejectionMs: number;
  /** Of the hosts, percent. */
  readonly maxEjected: number;
}

/** What one Envoy has open to a cluster at most, at a time. */
export interface CircuitBreaker {
  readonly connections?: number;
  readonly pending?: number;
  readonly requests?: number;
  readonly retries?: number;
}
