import { DEFAULT_PEER_LIMITS, type PeerLimits } from '../../core/fleet/peer-limits.ts';

/** What peers may cost. A peer that goes beyond is told the setting's name, and nobody else notices. */
export interface XdsLimits extends PeerLimits {
  /** A reconnect with 10,000 names is 340 KB; a refusal may quote a whole resource. @default 4 MiB */
  readonly maxMessageBytes: number;
  /** A response without an answer for so long may be overtaken by newer content. @default 500 */
  readonly stuckAfterMs: number;
  /** A connection without an open stream, and a stream without a request, ends after so long. @default 15 seconds */
  readonly silenceMs: number;
  /** Connections without an open stream; the one longest without makes room for the newest. @default 4,096 */
  readonly maxSilentConnections: number;
}

export const DEFAULT_LIMITS: XdsLimits = {
  ...DEFAULT_PEER_LIMITS,
  maxMessageBytes: 4 * 1024 * 1024,
  stuckAfterMs: 500,
  silenceMs: 15_000,
  maxSilentConnections: 4_096,
};
