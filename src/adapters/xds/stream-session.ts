import { olderPosition, samePosition } from '../../core/model/position.ts';
import type { Position } from '../../core/model/traffic.ts';
import type { ClientStreams, ClusterUse } from './client-streams.ts';
import type { Codec, EncodedResource } from './codec.ts';
import { DeltaSubscription } from './delta-subscription.ts';
import type { ResponseCache } from './response-cache.ts';
import { contentVersion, type SentVersion, SentVersions, wholeVersion } from './sent-versions.ts';
import { type Snapshot, versionOf } from './snapshot.ts';
import { SotwSubscription } from './sotw-subscription.ts';
import { MAX_UNANSWERED, type Subscription, type SubscriptionRequest, type Wanted } from './subscription.ts';
import { PLACEHOLDER, WantedContent } from './wanted-content.ts';
import { isFullState, XDS_TYPES, type XdsType } from './xds-types.ts';

export interface StreamEvents {
  /** Hands bytes to the transport; `false`: its buffer is full, send no more until `drained()`. */
  write(bytes: Buffer): boolean;
  /** The client leaves too much unanswered; nothing more is written. */
  overdue(): void;
  /** What this stream's ACKs amount to has changed. */
  credited(credit: Credit): void;
  /** The client asks for this type for the first time. */
  asked(type: XdsType): void;
  /** Versions stand for all that the stream should hold of the type, also where a response says only what changed. */
  sent(type: XdsType, version: string): void;
  acked(type: XdsType, version: string | null): void;
  /** `message` is Envoy's own text, not yet fit to be shown. */
  nacked(type: XdsType, position: Position, message: string, refused: SentVersion): void;
}

export interface Credit {
  /** The newest fleet revision that all counted types of this stream have ACKed. */
  readonly position: Position | null;
  /** Does the client ask this stream for anything that counts? */
  readonly counts: boolean;
  /** Does it get its routes here? */
  readonly routes: boolean;
  /** The newest fleet revision whose route tables it has ACKed, whatever the other types wait for. */
  readonly routesAt: Position | null;
}

export type StreamRequest = SubscriptionRequest & {
  /** Does the client still use resources of this type from an earlier stream? */
  readonly returning: boolean;
  readonly error: string | null;
};

export interface StreamVariant {
  readonly protocol: 'sotw' | 'delta';
  /** `null`: all types on one aggregated stream. */
  readonly only: XdsType | null;
}

export interface SessionOptions {
  readonly variant: StreamVariant;
  readonly codec: Codec;
  readonly cache: ResponseCache;
  readonly events: StreamEvents;
  readonly client: ClientStreams;
  readonly stuckAfterMs: number;
}

/** What an ACK may have been waited for by, in the order in which it goes out. */
const AFTER_ACK: Readonly<Record<XdsType, readonly XdsType[]>> = {
  cluster: ['cluster', 'endpoint', 'route'],
  endpoint: ['endpoint'],
  listener: ['listener'],
  // A cluster that only the routes before it named can go now.
  route: ['cluster', 'endpoint', 'route'],
  runtime: ['runtime'],
};

/**
 * One discovery stream: which response of which type goes out now. No I/O and no clock.
 *
 * Order (make before break): clusters and their endpoints go first; a route table waits until the clusters it names
 * are ACKed, because Envoy ACKs clusters only when they are warm; a cluster that left the table stays on this stream
 * until the routes in use here no longer name it.
 */
export class StreamSession implements ClusterUse {
  readonly #variant: StreamVariant;
  readonly #client: ClientStreams;
  readonly #codec: Codec;
  readonly #cache: ResponseCache;
  readonly #events: StreamEvents;
  readonly #subscriptions: Readonly<Record<XdsType, Subscription>>;
  readonly #wanted: WantedContent;
  /** Types of which something is due that could not go out yet. */
  readonly #waiting = new Set<XdsType>();
  readonly #lastSequence = new Map<XdsType, { sequence: number; repeats: number }>();
  readonly #versions = new SentVersions();
  #snapshot: Snapshot | null = null;
  #writtenBytes = 0;
  #blocked = false;
  #credited: Credit = { position: null, counts: false, routes: false, routesAt: null };
  /** Clusters that the client has by the last response sent. */
  #sentClusters: ReadonlyMap<string, EncodedResource> = new Map();
  /** Clusters that the route tables name which this Envoy uses, and which it may have begun to use. */
  #routedClusters: ReadonlySet<string> = new Set();
  #sentReferences: ReadonlySet<string> = new Set();
  /** A client without routes is not kept waiting for its first ones: that could only delay its start. */
  #firstRoutes = false;

  constructor({ variant, codec, cache, events, client, stuckAfterMs }: SessionOptions) {
    this.#variant = variant;
    this.#codec = codec;
    this.#cache = cache;
    this.#events = events;
    this.#client = client;
    const Kind = variant.protocol === 'delta' ? DeltaSubscription : SotwSubscription;
    const create = (type: XdsType): Subscription =>
      new Kind({ fullState: isFullState(type), stuckAfterMs, silentRemoval: type === 'endpoint' });
    this.#subscriptions = {
      cluster: create('cluster'),
      endpoint: create('endpoint'),
      listener: create('listener'),
      route: create('route'),
      runtime: create('runtime'),
    };
    this.#wanted = new WantedContent({
      subscriptions: this.#subscriptions,
      self: this,
      client,
      sentClusters: () => this.#sentClusters,
    });
  }

  /** All that was handed to the transport so far. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** How many names of a type the client asks for. */
  namesOf(type: XdsType): number {
    return this.#subscriptions[type].names.size;
  }

  get givesClusters(): boolean {
    return this.#subscriptions.cluster.active;
  }

  get warmsClusters(): boolean {
    const { cluster, endpoint } = this.#subscriptions;
    if (cluster.active || endpoint.names.size === 0 || this.#snapshot === null) return false;
    for (const service of this.#snapshot.services.values()) if (endpoint.names.has(service)) return true;
    return false;
  }

  hasCluster(name: string): boolean {
    // Sent as well as ACKed: a later response, not yet ACKed, may have taken the cluster away.
    return this.#subscriptions.cluster.acked.has(name) && this.#sentClusters.has(name);
  }

  *usedClusters(): Iterable<string> {
    yield* this.#routedClusters;
    yield* this.#sentReferences;
  }

  endpointsDue(services: readonly string[]): void {
    this.#subscriptions.endpoint.answerAgain(services);
    this.#waiting.add('endpoint');
  }

  receive(type: XdsType, request: StreamRequest, nowMs: number): void {
    const { error } = request;
    const subscription = this.#subscriptions[type];
    if (type === 'route' && !subscription.active) this.#firstRoutes = !request.returning;
    if (!subscription.active) this.#events.asked(type);
    const { names } = subscription;
    const outcome = subscription.receive(request);
    if (request.kind === 'delta' || subscription.names !== names) {
      this.#wanted.forget(type);
      this.#waiting.add(type);
    }
    const answered =
      outcome.kind === 'ack' || outcome.kind === 'nack' ? this.#versions.answered(type, request.nonce) : null;
    if (outcome.kind === 'ack') {
      if (type === 'route') this.#routedClusters = this.#sentReferences;
      this.#events.acked(type, answered?.version ?? null);
    }
    if (outcome.kind === 'nack') {
      if (type === 'route') this.#sentReferences = this.#routedClusters;
      const position = outcome.position ?? this.#snapshot?.position;
      if (position !== undefined)
        this.#events.nacked(type, position, error ?? '', answered ?? { version: '', trial: null });
    }
    if (outcome.kind === 'stale') return;
    if (outcome.kind === 'ack') this.#flush(AFTER_ACK[type], nowMs, this.#waiting);
    else this.#flush(XDS_TYPES, nowMs);
    if (type === 'cluster' || type === 'route') this.#client.flushOthers(this, nowMs);
  }

  update(snapshot: Snapshot, nowMs: number): void {
    this.#snapshot = snapshot;
    this.flush(nowMs);
  }

  drained(nowMs: number): void {
    this.#blocked = false;
    this.flush(nowMs);
  }

  /** Sends what is due. Also called by a timer, for responses that may overtake a stuck one. */
  flush(nowMs: number): void {
    this.#flush(XDS_TYPES, nowMs);
  }

  #flush(types: readonly XdsType[], nowMs: number, only?: ReadonlySet<XdsType>): void {
    const snapshot = this.#snapshot;
    if (snapshot === null) return;
    for (const type of types) if (only === undefined || only.has(type)) this.#serve(type, snapshot, nowMs);
    const credited = this.#credit();
    const before = this.#credited;
    const same = credited.counts === before.counts && credited.routes === before.routes;
    const position = samePosition(credited.position, before.position);
    if (same && position && samePosition(credited.routesAt, before.routesAt)) return;
    this.#credited = credited;
    this.#events.credited(credited);
  }

  #credit(): Credit {
    const { cluster, endpoint, listener, route } = this.#subscriptions;
    const counted: Subscription[] = [];
    if (cluster.active) counted.push(cluster);
    if (route.active) counted.push(route);
    // An Envoy whose clusters all resolve by DNS asks for no endpoints.
    if (endpoint.names.size > 0) counted.push(endpoint);
    if (listener.active && (this.#snapshot?.listener.versions.size ?? 0) > 0) counted.push(listener);
    let position = counted[0]?.credited ?? null;
    for (const { credited } of counted) position = olderPosition(position, credited);
    return { position, counts: counted.length > 0, routes: route.active, routesAt: route.credited };
  }

  #serve(type: XdsType, snapshot: Snapshot, nowMs: number): void {
    const subscription = this.#subscriptions[type];
    if (!subscription.active) return;
    const wanted = this.#wanted.of(type, snapshot);
    const offer = subscription.offer(wanted, nowMs);
    const held = offer === 'send' && (this.#blocked || (type === 'route' && this.#mustHold(wanted, snapshot)));
    // What stands for no fleet revision is due again with the content that does.
    if (offer === 'wait' || held || wanted.position === null) this.#waiting.add(type);
    else this.#waiting.delete(type);
    if (offer !== 'send' || held) return;
    if (subscription.unanswered >= MAX_UNANSWERED) {
      this.#blocked = true;
      this.#events.overdue();
      return;
    }
    const { send, removed } = subscription.payload(wanted);
    const whole = wholeVersion(type, send, snapshot);
    const version = whole ?? versionOf(this.#resources(type, send, wanted, snapshot));
    const nonce = this.#nonce(type, snapshot.sequence);
    const { protocol } = this.#variant;
    if (type === 'cluster') this.#noteClusters(wanted, snapshot);
    if (type === 'route') this.#noteRoutes(wanted, snapshot);
    subscription.sent(nonce, wanted, nowMs);
    const content = protocol === 'sotw' ? version : contentVersion(type, wanted, snapshot);
    this.#versions.sent(type, nonce, { version: content, trial: snapshot.trial });
    this.#events.sent(type, content);
    const response = { protocol, type, version, nonce, removed };
    // What one stream is sent, most others are sent too: the resources are looked up for the first.
    const bytes = this.#cache.get(response) ?? this.#cache.add(response, this.#resources(type, send, wanted, snapshot));
    this.#writtenBytes += bytes.length;
    if (!this.#events.write(bytes)) this.#blocked = true;
  }

  #resources(type: XdsType, names: Iterable<string>, { versions }: Wanted, snapshot: Snapshot): EncodedResource[] {
    const content = type === 'runtime' ? new Map<string, EncodedResource>() : snapshot[type].resources;
    const resources: EncodedResource[] = [];
    for (const name of names) {
      const version = versions.get(name);
      const known = content.get(name) ?? (type === 'cluster' ? this.#sentClusters.get(name) : undefined);
      if (known !== undefined) resources.push(known);
      else if (version === PLACEHOLDER && (type === 'endpoint' || type === 'runtime'))
        resources.push({ name, version, bytes: this.#codec.encodeEmpty(type, name) });
    }
    return resources;
  }

  #mustHold({ versions }: Wanted, { references }: Snapshot): boolean {
    if (this.#firstRoutes && this.#client.warmsClusters()) this.#firstRoutes = false;
    if (this.#firstRoutes && this.#subscriptions.route.sentVersions === null) return false;
    for (const name of versions.keys()) {
      for (const cluster of references.get(name) ?? []) if (!this.#clientHas(cluster)) return true;
    }
    return false;
  }

  #clientHas(cluster: string): boolean {
    if (this.givesClusters) return this.hasCluster(cluster);
    return this.#client.haveCluster(cluster, { returning: !this.#firstRoutes });
  }

  #noteClusters(wanted: Wanted, snapshot: Snapshot): void {
    const before = this.#subscriptions.cluster.sentVersions;
    const resources = this.#resources('cluster', wanted.versions.keys(), wanted, snapshot);
    this.#sentClusters = new Map(resources.map((resource) => [resource.name, resource]));
    // Envoy warms a changed cluster, and a new one, until it gets endpoints. It asks for them in a way that cannot be
    // told from a repeated ACK (SotW), or not at all (delta), where it has them under that name already. So they follow
    // unasked, also those that were asked for before any cluster; a name that was not asked for before is answered in
    // its turn.
    const warming = resources.filter(({ name, version }) => before?.get(name) !== version);
    const services = warming.flatMap(({ name }) => snapshot.services.get(name) ?? []);
    if (services.length > 0) (this.#subscriptions.endpoint.active ? this : this.#client).endpointsDue(services);
  }

  #noteRoutes({ versions }: Wanted, { references }: Snapshot): void {
    // A table that this one overtakes is in use until this one is ACKed.
    const overtaken = this.#subscriptions.route.unanswered > 0 ? this.#sentReferences : NONE;
    let named = overtaken;
    for (const name of versions.keys()) named = union(named, references.get(name) ?? NONE);
    this.#sentReferences = named;
  }

  /** Unique on the stream, and the same on all streams that get a snapshot once: so they share the bytes. */
  #nonce(type: XdsType, sequence: number): string {
    const last = this.#lastSequence.get(type);
    const repeats = last?.sequence === sequence ? last.repeats + 1 : 0;
    this.#lastSequence.set(type, { sequence, repeats });
    return repeats === 0 ? `${sequence}` : `${sequence}.${repeats}`;
  }
}

const NONE: ReadonlySet<string> = new Set();

function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  if (a.size === 0) return b;
  return b.size === 0 ? a : new Set([...a, ...b]);
}
