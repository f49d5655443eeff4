import { olderPosition, samePosition } from '../../core/model/position.ts';
import type { Position } from '../../core/model/traffic.ts';
import type { ClientStreams, ClusterUse } from './client-streams.ts';
import type { Codec, EncodedResource } from './codec.ts';
import { DeltaSubscription } from './delta-subscription.ts';
import type { ResponseCache } from './response-cache.ts';
import { contentVersion, responseVersion, type SentVersion, SentVersions } from './sent-versions.ts';
import type { Snapshot } from './snapshot.ts';
import { SotwSubscription } from './sotw-subscription.ts';
import type { Subscription, SubscriptionRequest, Wanted } from './subscription.ts';
import { isFullState, XDS_TYPES, type XdsType } from './xds-types.ts';

export interface StreamEvents {
  /** Hands bytes to the transport; `false`: its buffer is full, send no more until `drained()`. */
  write(bytes: Buffer): boolean;
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

/** Content of a resource that a client asked for, that does not exist, and that it would otherwise wait for. */
const PLACEHOLDER = 'placeholder';

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
  }

  receive(type: XdsType, request: StreamRequest, nowMs: number): void {
    const { error } = request;
    const subscription = this.#subscriptions[type];
    if (type === 'route' && !subscription.active) this.#firstRoutes = !request.returning;
    if (!subscription.active) this.#events.asked(type);
    const outcome = subscription.receive(request);
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
    this.#flush(outcome.kind === 'ack' ? AFTER_ACK[type] : XDS_TYPES, nowMs);
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

  #flush(types: readonly XdsType[], nowMs: number): void {
    const snapshot = this.#snapshot;
    if (snapshot === null) return;
    for (const type of types) this.#serve(type, snapshot, nowMs);
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
    const counted = [cluster, route].filter(({ active }) => active);
    // An Envoy whose clusters all resolve by DNS asks for no endpoints.
    if (endpoint.names.size > 0) counted.push(endpoint);
    if (listener.active && (this.#snapshot?.listener.versions.size ?? 0) > 0) counted.push(listener);
    const [first, ...others] = counted.map(({ credited }) => credited);
    const position = others.reduce<Position | null>(olderPosition, first ?? null);
    return { position, counts: counted.length > 0, routes: route.active, routesAt: route.credited };
  }

  #serve(type: XdsType, snapshot: Snapshot, nowMs: number): void {
    const subscription = this.#subscriptions[type];
    if (!subscription.active) return;
    const wanted = this.#wanted(type, snapshot);
    if (subscription.offer(wanted, nowMs) !== 'send' || this.#blocked) return;
    if (type === 'route' && this.#mustHold(wanted, snapshot)) return;
    const { send, removed } = subscription.payload(wanted);
    const resources = this.#resources(type, send, wanted, snapshot);
    const version = responseVersion(type, send, resources, snapshot);
    const nonce = this.#nonce(type, snapshot.sequence);
    const { protocol } = this.#variant;
    if (type === 'cluster') this.#noteClusters(wanted, snapshot);
    if (type === 'route') this.#noteRoutes(wanted, snapshot);
    subscription.sent(nonce, wanted, nowMs);
    const content = protocol === 'sotw' ? version : contentVersion(type, wanted, snapshot);
    this.#versions.sent(type, nonce, { version: content, trial: snapshot.trial });
    this.#events.sent(type, content);
    const response = { protocol, type, version, nonce, resources, removed };
    const bytes = this.#cache.encode(response);
    this.#writtenBytes += bytes.length;
    if (!this.#events.write(bytes)) this.#blocked = true;
  }

  #wanted(type: XdsType, snapshot: Snapshot): Wanted {
    const { position } = snapshot;
    const subscription = this.#subscriptions[type];
    switch (type) {
      case 'cluster':
        return this.#wantedClusters(snapshot, subscription);
      case 'endpoint': {
        const has = subscription.sentVersions;
        const versions = new Map<string, string>();
        for (const name of subscription.names) {
          const version = snapshot.endpoint.versions.get(name);
          if (version !== undefined) versions.set(name, version);
          // Unknown here: an empty answer, or a cluster of an earlier server would warm until its time-out.
          // Known once and gone: silence, its hosts stay until Envoy drops the cluster itself.
          else if (!has?.has(name) || has.get(name) === PLACEHOLDER) versions.set(name, PLACEHOLDER);
        }
        return { versions, position };
      }
      // A fleet without listeners of ours: who asks gets the empty set once, so that its start goes on.
      case 'listener': {
        const { versions } = snapshot.listener;
        return { versions: subscription.wildcard ? versions : pick(versions, subscription.names), position };
      }
      case 'route':
        return { versions: pick(snapshot.route.versions, subscription.names), position };
      // A runtime layer that is not answered keeps Envoy from asking for anything else for 15 s.
      case 'runtime':
        return { versions: new Map([...subscription.names].map((name) => [name, PLACEHOLDER])), position };
    }
  }

  #wantedClusters(snapshot: Snapshot, subscription: Subscription): Wanted {
    const { versions } = snapshot.cluster;
    const base = subscription.wildcard ? versions : pick(versions, subscription.names);
    const kept: [string, string][] = [];
    const used = this.#subscriptions.route.active ? this.usedClusters() : this.#client.usedClusters();
    for (const name of used) {
      const held = this.#sentClusters.get(name);
      if (held !== undefined && !versions.has(name)) kept.push([name, held.version]);
    }
    if (kept.length === 0) return { versions: base, position: snapshot.position };
    const sorted = [...base, ...kept].sort(([a], [b]) => (a < b ? -1 : 1));
    // More than the records say, so it stands for no fleet revision; the response without these will.
    return { versions: new Map(sorted), position: null };
  }

  #resources(type: XdsType, names: Iterable<string>, { versions }: Wanted, snapshot: Snapshot): EncodedResource[] {
    const content = type === 'runtime' ? new Map<string, EncodedResource>() : snapshot[type].resources;
    const resources: EncodedResource[] = [];
    for (const name of names) {
      const version = versions.get(name);
      const known = content.get(name) ?? (type === 'cluster' ? this.#sentClusters.get(name) : undefined);
      if (known !== undefined) resources.push(known);
      else if (version === PLACEHOLDER) resources.push(this.#placeholder(type, name));
    }
    return resources;
  }

  #placeholder(type: XdsType, name: string): EncodedResource {
    return type === 'runtime'
      ? this.#codec.encodeResource(type, name, { name, layer: { fields: {} } })
      : this.#codec.encodeResource(type, name, { clusterName: name });
  }

  #mustHold({ versions }: Wanted, { references }: Snapshot): boolean {
    if (this.#firstRoutes && this.#subscriptions.route.sentVersions === null) return false;
    const asked = { returning: !this.#firstRoutes };
    const has = (cluster: string) =>
      this.givesClusters ? this.hasCluster(cluster) : this.#client.haveCluster(cluster, asked);
    for (const name of versions.keys())
      for (const cluster of references.get(name) ?? []) if (!has(cluster)) return true;
    return false;
  }

  #noteClusters(wanted: Wanted, snapshot: Snapshot): void {
    const before = this.#subscriptions.cluster.sentVersions;
    const resources = this.#resources('cluster', wanted.versions.keys(), wanted, snapshot);
    this.#sentClusters = new Map(resources.map((resource) => [resource.name, resource]));
    // Envoy warms a changed cluster, and a new one, until it gets endpoints. It asks for them in a way that cannot be
    // told from a repeated ACK (SotW), or not at all (delta), where it has them under that name already. So they follow
    // unasked; a name that was not asked for before is answered in its turn.
    const warming = resources.filter(({ name, version }) => before !== null && before.get(name) !== version);
    const services = warming.flatMap(({ name }) => snapshot.services.get(name) ?? []);
    if (services.length > 0) (this.#subscriptions.endpoint.active ? this : this.#client).endpointsDue(services);
  }

  #noteRoutes({ versions }: Wanted, { references }: Snapshot): void {
    const named = [...versions.keys()].flatMap((name) => [...(references.get(name) ?? [])]);
    // A table that this one overtakes is in use until this one is ACKed.
    const overtaken = this.#subscriptions.route.unanswered ? this.#sentReferences : [];
    this.#sentReferences = new Set([...overtaken, ...named]);
  }

  /** Unique on the stream, and the same on all streams that get a snapshot once: so they share the bytes. */
  #nonce(type: XdsType, sequence: number): string {
    const last = this.#lastSequence.get(type);
    const repeats = last?.sequence === sequence ? last.repeats + 1 : 0;
    this.#lastSequence.set(type, { sequence, repeats });
    return repeats === 0 ? `${sequence}` : `${sequence}.${repeats}`;
  }
}

function pick(versions: ReadonlyMap<string, string>, names: ReadonlySet<string>): ReadonlyMap<string, string> {
  const picked = new Map<string, string>();
  for (const name of names) {
    const version = versions.get(name);
    if (version !== undefined) picked.set(name, version);
  }
  return picked;
}
