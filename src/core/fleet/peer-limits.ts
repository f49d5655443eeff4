/** What a peer of the xDS server may cost, as far as it is a setting. */
export interface PeerLimits {
  /** Over all connections. @default 20,000 */
  readonly maxStreams: number;
  /** Per connection. Envoy needs one; with a stream per type, one for each. @default 8 */
  readonly maxStreamsPerConnection: number;
  /** Names that one request may have, and one subscription. @default 10,000 */
  readonly maxResourceNames: number;
  /** Streams that open at once after a quiet time; beyond, an Envoy comes back after its back-off. @default 4,000 */
  readonly newStreamBurst: number;
  /** @default 1,000 */
  readonly newStreamsPerSecond: number;
  /** Of one stream, after a quiet time; a large request counts as several. @default 1,000 */
  readonly requestBurst: number;
  /** Of one stream. @default 200 */
  readonly requestsPerSecond: number;
  /** After about so long a connection takes no new streams; its streams end 10 to 20 % later. @default 10 hours */
  readonly maxConnectionAgeMs: number;
  /** Of one fleet at one replica; beyond, canaries that get more wait and are merged. @default 64 MiB */
  readonly raiseBytesPerSecond: number;
}

export const DEFAULT_PEER_LIMITS: PeerLimits = {
  maxStreams: 20_000,
  maxStreamsPerConnection: 8,
  maxResourceNames: 10_000,
  newStreamBurst: 4_000,
  newStreamsPerSecond: 1_000,
  requestBurst: 1_000,
  requestsPerSecond: 200,
  maxConnectionAgeMs: 10 * 60 * 60 * 1_000,
  raiseBytesPerSecond: 64 * 1024 * 1024,
};
