import type { Position } from '../../core/model/traffic.ts';

/** What a stream should hold of one type now: resource name to content version. */
export interface Wanted {
  readonly versions: ReadonlyMap<string, string>;
  /** Fleet revision that this content stands for; `null`: it stands for none in full, its ACK credits nothing. */
  readonly position: Position | null;
}

export type SubscriptionRequest = {
  readonly nonce: string;
  /** A refusal is recognised by this alone; versions cannot tell one from an ACK. */
  readonly rejected: boolean;
} & (
  | { readonly kind: 'sotw'; readonly names: readonly string[] }
  | {
      readonly kind: 'delta';
      readonly subscribe: readonly string[];
      readonly unsubscribe: readonly string[];
      /** What the client has from an earlier stream, name to version; in the first request of a type alone. */
      readonly initial: ReadonlyMap<string, string>;
    }
);

export type RequestOutcome =
  /** Answers no response: first request, changed names, or a repeated ACK. */
  | { readonly kind: 'subscription' }
  /** For a response that was overtaken, and nothing else. Ignored. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'ack' }
  | { readonly kind: 'nack'; readonly position: Position | null };

/** Of one type of one stream: a client that answers nothing must not make anything grow. */
export const MAX_UNANSWERED = 64;

export type Offer = 'send' | 'wait' | 'nothing';

/** Names that one response carries, and names that it takes away (delta only). */
export interface Payload {
  readonly send: readonly string[];
  readonly removed: readonly string[];
}

/**
 * One type of one stream: subscription, nonce, what was sent, what it credits. No I/O; times come in as arguments.
 * Every decision compares with the last response sent, never the last ACKed.
 */
export interface Subscription {
  /** Has the client asked for this type on this stream? */
  readonly active: boolean;
  readonly wildcard: boolean;
  readonly names: ReadonlySet<string>;
  readonly credited: Position | null;
  /** What the client has by the last response sent, name to version; `null` before the first one. */
  readonly sentVersions: ReadonlyMap<string, string> | null;
  /** Responses that the client has not answered. */
  readonly unanswered: number;
  /** Names that the client has said to have, whatever their version. */
  readonly acked: { has(name: string): boolean };
  receive(request: SubscriptionRequest): RequestOutcome;
  /** Makes the next offer go out with these names even if they equal what was sent last. */
  answerAgain(names: Iterable<string>): void;
  /**
   * Should this be sent now? Equal content moves the credit instead: at once where it is ACKed already, with the ACK
   * where that is on its way, not at all where it was refused (and then it is not repeated either).
   */
  offer(wanted: Wanted, nowMs: number): Offer;
  /** What the response says; valid until anything else is called. */
  payload(wanted: Wanted): Payload;
  sent(nonce: string, wanted: Wanted, nowMs: number): void;
}

export interface SubscriptionOptions {
  /** A response is the full state (SotW), an empty first list of names means everything: clusters and listeners. */
  readonly fullState: boolean;
  /** After so long without an answer, other content may overtake a response. */
  readonly stuckAfterMs: number;
  /** Delta: what is gone is not announced; its user drops it by itself. */
  readonly silentRemoval: boolean;
}
