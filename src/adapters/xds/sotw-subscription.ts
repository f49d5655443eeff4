import type { Position } from '../../core/model/traffic.ts';
import type {
  Offer,
  Payload,
  RequestOutcome,
  Subscription,
  SubscriptionOptions,
  SubscriptionRequest,
  Wanted,
} from './subscription.ts';

interface SentResponse {
  readonly nonce: string;
  readonly sentAtMs: number;
  /** Shared with whoever else holds the same; content that did not change is recognised without comparing. */
  versions: ReadonlyMap<string, string>;
  position: Position | null;
  status: 'unanswered' | 'acked' | 'nacked';
}

/** State of the world: every request lists all names, every response everything that is wanted. */
export class SotwSubscription implements Subscription {
  readonly #fullState: boolean;
  readonly #stuckAfterMs: number;
  #names: ReadonlySet<string> = new Set();
  /** The names of the last request, as they came. */
  #listed: readonly string[] | null = null;
  #wildcard = false;
  #everNamed = false;
  #active = false;
  #answerDue = false;
  #sent: SentResponse | null = null;
  #credited: Position | null = null;
  #acked: ReadonlyMap<string, string> = new Map();

  constructor(options: SubscriptionOptions) {
    this.#fullState = options.fullState;
    this.#stuckAfterMs = options.stuckAfterMs;
  }

  get active(): boolean {
    return this.#active;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  get credited(): Position | null {
    return this.#credited;
  }

  get sentVersions(): ReadonlyMap<string, string> | null {
    return this.#sent?.versions ?? null;
  }

  /** Of the state of the world the last response stands for all before it. */
  get unanswered(): number {
    return this.#sent?.status === 'unanswered' ? 1 : 0;
  }

  get acked(): ReadonlyMap<string, string> {
    return this.#acked;
  }

  receive(request: SubscriptionRequest): RequestOutcome {
    if (request.kind !== 'sotw') throw new TypeError('a delta request on a state-of-the-world stream');
    const sent = this.#sent;
    // A nonce of an earlier stream may come along with the first request: it is a first request all the same.
    if (sent === null || request.nonce === '') {
      this.#subscribe(request.names);
      this.#active = true;
      this.#answerDue = true;
      return { kind: 'subscription' };
    }
    if (request.nonce !== sent.nonce) return { kind: 'stale' };
    this.#subscribe(request.names);
    // After a NACK, later requests carry its nonce too (names that changed); they do not take the refusal back.
    if (sent.status !== 'unanswered') return { kind: 'subscription' };
    if (request.rejected) {
      sent.status = 'nacked';
      return { kind: 'nack', position: sent.position };
    }
    sent.status = 'acked';
    this.#acked = sent.versions;
    if (sent.position !== null) this.#credited = sent.position;
    return { kind: 'ack' };
  }

  answerAgain(names: Iterable<string>): void {
    for (const name of names) if (this.#sent?.versions.has(name)) this.#answerDue = true;
  }

  offer(wanted: Wanted, nowMs: number): Offer {
    const sent = this.#sent;
    // A response without resources says nothing where absence means nothing.
    const mute = !this.#fullState && wanted.versions.size === 0;
    if (!this.#active) return 'nothing';
    if (sent === null) return mute ? 'nothing' : 'send';
    const differs = sent.versions !== wanted.versions && this.#differs(sent.versions, wanted.versions);
    if (!differs) {
      if (wanted.position !== null) {
        sent.position = wanted.position;
        if (sent.status === 'acked') this.#credited = wanted.position;
      }
      if (!this.#answerDue || mute) return 'nothing';
    }
    if (sent.status === 'unanswered') {
      return differs && nowMs - sent.sentAtMs >= this.#stuckAfterMs ? 'send' : 'wait';
    }
    return 'send';
  }

  payload({ versions }: Wanted): Payload {
    return { send: [...versions.keys()], removed: [] };
  }

  sent(nonce: string, wanted: Wanted, nowMs: number): void {
    const { position } = wanted;
    const versions = this.#heldWith(wanted.versions);
    this.#sent = { nonce, versions, position, status: 'unanswered', sentAtMs: nowMs };
    this.#answerDue = false;
  }

  /** What the client has after a response: where absence means nothing, also what an earlier one gave it. */
  #heldWith(versions: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    if (this.#fullState) return versions;
    const before = this.#sent?.versions ?? versions;
    for (const name of before.keys()) if (!versions.has(name)) return new Map([...before, ...versions]);
    return versions;
  }

  /** An empty list means everything only where the type knows that, and only before any name was given. */
  #subscribe(names: readonly string[]): void {
    // Nearly every request is an ACK with the names of the request before.
    const last = this.#listed;
    if (last?.length === names.length && names.every((name, i) => name === last[i])) return;
    this.#listed = names;
    const asked = new Set(names);
    const star = asked.delete('*');
    if (asked.size > 0 || star) this.#everNamed = true;
    this.#wildcard = this.#fullState && (star || !this.#everNamed);
    this.#names = asked;
    const sent = this.#sent;
    if (sent === null || this.#wildcard) return;
    // A name that was dropped is forgotten, so that asking for it again is answered again.
    const still = [...sent.versions].filter(([name]) => asked.has(name));
    if (still.length < sent.versions.size) sent.versions = new Map(still);
  }

  #differs(sent: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): boolean {
    for (const [name, version] of wanted) if (sent.get(name) !== version) return true;
    // Where absence deletes, a resource that is gone is a change; elsewhere it means nothing.
    if (this.#fullState) for (const name of sent.keys()) if (!wanted.has(name)) return true;
    return false;
  }
}
