/** What peers may cost. A peer that goes beyond is told the setting's name, and nobody else notices. */
export interface XdsLimits {
  /** A reconnect with 10,000 names is 340 KB; a refusal may quote a whole resource. @default 4 MiB */
  readonly maxMessageBytes: number;
  /** Per connection. Envoy needs one; with a stream per type, one for each. @default 8 */
  readonly maxStreamsPerConnection: number;
  /** Over all connections. @default 20,000 */
  readonly maxStreams: number;
  /** Names that one request may have, and one subscription. @default 10,000 */
  readonly maxResourceNames: number;
  /** A response without an answer for so long may be overtaken by newer content. @default 500 */
  readonly stuckAfterMs: number;
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
  /** A connection without an open stream, and a stream without a request, ends after so long. @default 15 seconds */
  readonly silenceMs: number;
  /** Connections without an open stream; the one longest without makes room for the newest. @default 4,096 */
  readonly maxSilentConnections: number;
}

export const DEFAULT_LIMITS: XdsLimits = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxStreamsPerConnection: 8,
  maxStreams: 20_000,
  maxResourceNames: 10_000,
  stuckAfterMs: 500,
  newStreamBurst: 4_000,
  newStreamsPerSecond: 1_000,
  requestBurst: 1_000,
  requestsPerSecond: 200,
  maxConnectionAgeMs: 10 * 60 * 60 * 1_000,
  silenceMs: 15_000,
  maxSilentConnections: 4_096,
};
