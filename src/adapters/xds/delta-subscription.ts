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

type DeltaRequest = Extract<SubscriptionRequest, { kind: 'delta' }>;

interface Outstanding {
  readonly nonce: string;
  /** Names with their versions; `null`: taken away. */
  readonly changes: ReadonlyMap<string, string | null>;
  readonly sentAtMs: number;
  position: Position | null;
}

/** Version of a resource that the client refused: it may have it, have the one before, or none. */
const UNKNOWN = '';
/** With so many refused one by one, whatever else is refused together is not looked at singly: each costs requests. */
const MOST_AT_FAULT = 8;
const NONE: ReadonlySet<string> = new Set();

/**
 * Delta: requests say what is added to and taken from the subscription, responses what has changed. An answer may
 * be missing for several responses at a time; the client ACKs each of them, in order.
 */
export class DeltaSubscription implements Subscription {
  readonly #options: SubscriptionOptions;
  readonly #names = new Set<string>();
  #wildcard = false;
  #active = false;
  /** What the client has once it has taken all that was sent. */
  readonly #held = new Map<string, string>();
  /** Names to be answered whether they changed or not (D2). */
  readonly #due = new Set<string>();
  /** A first wildcard request is answered even if there is nothing (D8). */
  #answerDue = false;
  #everSent = false;
  #outstanding: Outstanding[] = [];
  /** Content that the client refused by itself, by name: not offered again until it changes (C5, D10). */
  readonly #refused = new Map<string, string>();
  /**
   * Names that were refused together, of which one alone may be at fault: offered again group by group, one response
   * each, and halved when refused again.
   */
  #doubted: readonly (readonly string[])[] = [];
  #credited: Position | null = null;
  readonly #acked = new Set<string>();
  /** The map that was compared last, while nothing has changed since: recognised without comparing. */
  #settled: ReadonlyMap<string, string> | null = null;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
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
    return this.#everSent || this.#held.size > 0 ? this.#held : null;
  }

  get unanswered(): number {
    return this.#outstanding.length;
  }

  get acked(): ReadonlySet<string> {
    return this.#acked;
  }

  receive(request: SubscriptionRequest): RequestOutcome {
    if (request.kind !== 'delta') throw new TypeError('a state-of-the-world request on a delta stream');
    const first = !this.#active;
    if (first) this.#begin(request);
    // D1: also with a nonce that is not known any more. D9: what is added first, then what is taken away.
    const changed = request.subscribe.length + request.unsubscribe.length > 0;
    for (const name of request.subscribe) this.#subscribe(name);
    for (const name of request.unsubscribe) this.#unsubscribe(name);
    if (changed || first) this.#settled = null;
    const answered = this.#outstanding.findIndex(({ nonce }) => nonce === request.nonce);
    if (first || request.nonce === '' || answered < 0) return { kind: changed || first ? 'subscription' : 'stale' };
    const [response] = this.#outstanding.splice(0, answered + 1).slice(-1);
    if (response === undefined) return { kind: 'stale' };
    if (request.rejected) {
      this.#refuse(response);
      return { kind: 'nack', position: response.position };
    }
    for (const [name, version] of response.changes) {
      if (version === null) this.#acked.delete(name);
      else this.#acked.add(name);
    }
    if (response.position !== null) this.#credited = response.position;
    return { kind: 'ack' };
  }

  answerAgain(names: Iterable<string>): void {
    for (const name of names) if (this.#names.has(name) && this.#held.has(name)) this.#due.add(name);
  }

  offer(wanted: Wanted, nowMs: number): Offer {
    if (!this.#active) return 'nothing';
    const quiet = this.#due.size === 0 && !this.#answerDue;
    if (!quiet || this.#settled !== wanted.versions) {
      const { send, removed } = this.payload(wanted);
      if (send.length + removed.length > 0 || this.#answerDue) {
        const last = this.#outstanding.at(-1);
        return last === undefined || nowMs - last.sentAtMs >= this.#options.stuckAfterMs ? 'send' : 'wait';
      }
      this.#settled = wanted.versions;
    }
    this.#credit(wanted.position);
    return 'nothing';
  }

  payload({ versions }: Wanted): Payload {
    const send: string[] = [];
    const removed: string[] = [];
    const later = this.#doubtedLater(versions);
    for (const [name, version] of versions) {
      if (this.#due.has(name)) send.push(name);
      else if (later.has(name)) continue;
      else if (this.#held.get(name) !== version && this.#refused.get(name) !== version) send.push(name);
    }
    // D3: a name that does not exist is said to be gone, and stays subscribed.
    for (const name of this.#due) if (!versions.has(name)) removed.push(name);
    if (this.#options.silentRemoval) return { send, removed };
    for (const name of this.#held.keys()) if (!versions.has(name) && !this.#due.has(name)) removed.push(name);
    return { send, removed };
  }

  sent(nonce: string, wanted: Wanted, nowMs: number): void {
    const { send, removed } = this.payload(wanted);
    const changes = new Map<string, string | null>();
    for (const name of send) {
      const version = wanted.versions.get(name) ?? UNKNOWN;
      changes.set(name, version);
      this.#held.set(name, version);
      this.#refused.delete(name);
    }
    for (const name of removed) {
      changes.set(name, null);
      this.#held.delete(name);
      this.#refused.delete(name);
    }
    this.#due.clear();
    this.#answerDue = false;
    this.#everSent = true;
    this.#doubted = this.#doubted
      .map((names) => names.filter((name) => wanted.versions.has(name) && !changes.has(name)))
      .filter((names) => names.length > 0);
    // With doubted names left, the next offer has more of the same content.
    this.#settled = this.#doubted.length === 0 ? wanted.versions : null;
    this.#outstanding.push({ nonce, changes, sentAtMs: nowMs, position: this.#inStep(wanted.position) });
  }

  #begin({ subscribe, initial }: DeltaRequest): void {
    this.#active = true;
    for (const [name, version] of initial) {
      this.#held.set(name, version);
      this.#acked.add(name);
    }
    // C9: no name in the first request means all of them, where the type knows that.
    this.#wildcard = this.#options.fullState && subscribe.length === 0;
    this.#answerDue = this.#wildcard;
  }

  #subscribe(name: string): void {
    if (name !== '*') {
      this.#names.add(name);
      this.#due.add(name);
    } else if (this.#options.fullState) {
      this.#wildcard = true;
      this.#answerDue = true;
    }
  }

  #unsubscribe(name: string): void {
    if (name === '*') {
      this.#wildcard = false;
      for (const held of [...this.#held.keys()]) if (!this.#names.has(held)) this.#forget(held);
    } else if (this.#names.delete(name)) {
      // D7: under a wildcard the client forgets it on its own and has to be told again.
      if (this.#wildcard) this.#due.add(name);
      else this.#forget(name);
    }
  }

  #forget(name: string): void {
    this.#held.delete(name);
    this.#due.delete(name);
    this.#refused.delete(name);
  }

  #refuse({ changes }: Outstanding): void {
    const names: string[] = [];
    for (const [name, version] of changes) {
      // What a later response has said about it stands.
      if (version === null || this.#outstanding.some((later) => later.changes.has(name))) continue;
      if (!this.#held.has(name)) continue;
      this.#held.set(name, UNKNOWN);
      names.push(name);
    }
    const half = Math.ceil(names.length / 2);
    const isSought = names.length > 1 && this.#refused.size < MOST_AT_FAULT;
    if (isSought) this.#doubted = [names.slice(0, half), names.slice(half), ...this.#doubted];
    else for (const name of names) this.#refused.set(name, changes.get(name) ?? UNKNOWN);
    this.#settled = null;
    for (const later of this.#outstanding) later.position = null;
  }

  /** Names that are doubted and not in the group whose turn it is. */
  #doubtedLater(versions: ReadonlyMap<string, string>): ReadonlySet<string> {
    if (this.#doubted.length === 0) return NONE;
    const turn = this.#doubted.findIndex((names) => names.some((name) => versions.has(name)));
    return new Set(this.#doubted.slice(turn + 1).flat());
  }

  #credit(position: Position | null): void {
    const reached = this.#inStep(position);
    if (reached === null) return;
    const last = this.#outstanding.at(-1);
    if (last === undefined) this.#credited = reached;
    else last.position = reached;
  }

  /** While something is refused, the client is at no fleet revision. */
  #inStep(position: Position | null): Position | null {
    return this.#refused.size === 0 && this.#doubted.length === 0 ? position : null;
  }
}
