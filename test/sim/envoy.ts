import type { DiscoveryResponse } from '../../src/adapters/xds/codec.ts';
import type { StreamVariant } from '../../src/adapters/xds/stream-session.ts';
import type { XdsType } from '../../src/adapters/xds/xds-types.ts';
import type { Cluster, RouteConfiguration } from '../../src/core/traffic/envoy-resources.ts';
import type { Clock } from '../../src/engine/ports/clock.ts';
import { COLOUR } from './scenario.ts';
import { objectOf } from './sim-codec.ts';
import type { ServerStream } from './xds-side.ts';

interface HeldCluster {
  readonly version: string;
  /** Endpoints come under this name; `null`: by DNS. */
  readonly service: string | null;
  warm: boolean;
}

/** The split of one weighted route, as Envoy applies it to requests. */
export type Split = readonly { readonly cluster: string; readonly weight: number }[];

export interface EnvoyOptions {
  readonly id: string;
  readonly clock: Clock;
  readonly protocol: StreamVariant['protocol'];
  /** Has every type a stream of its own, instead of one for all? */
  readonly apart: boolean;
  /** One way of one message, ms. */
  readonly delayMs: () => number;
  /** How long a cluster whose endpoints come by DNS takes to warm, ms. */
  readonly warmMs: () => number;
  /** Is it served something older than it has? Then its order is that of the older state. */
  readonly isStale: () => boolean;
  /** Envoy's words about what it will not have. */
  readonly refusesCluster: (cluster: string) => string | null;
  readonly refusesRoutes: (splits: readonly Split[]) => string | null;
  readonly wrong: (invariant: string, what: string) => void;
  readonly trace: (what: string) => void;
  /** Called before the routes in use change. */
  readonly beforeRoutes: () => void;
}

/** One stream to a server. Each direction is first in, first out. */
interface Link {
  readonly server: ServerStream;
  /** Of the state of the world: of the last response of each type, whether it was answered or not. */
  readonly nonces: Map<XdsType, string>;
  /** Of delta: names that were asked for. */
  readonly asked: Map<XdsType, ReadonlySet<string>>;
  readonly busyUntilMs: { toServer: number; toEnvoy: number };
  open: boolean;
}

type Opens = (variant: StreamVariant, toEnvoy: (response: DiscoveryResponse) => void) => ServerStream;

/** A response of clusters that is to be answered when all of them are warm. */
interface Owed {
  readonly nonce: string;
  readonly error: string | null;
}

/**
 * An Envoy as xDS sees it: state of the world or delta, on one stream or on one per type. Clusters warm before they are
 * ACKed (until then CDS is paused; delta ACKs all that waited, in order), routes count at once, a refusal keeps what was
 * there, a reconnect keeps everything and delta says so (notes of Envoy's own documentation on ordering and warming).
 */
export class Envoy {
  readonly id: string;
  readonly #options: EnvoyOptions;
  #clusters = new Map<string, HeldCluster>();
  /** Versions of the endpoints that it has, by service. */
  readonly #endpoints = new Map<string, string>();
  #routes: { readonly splits: readonly Split[]; readonly drawn: readonly Split[]; readonly version: string } | null =
    null;
  /** By type; on an aggregated stream all have the same. `null`: it is not connected. */
  #links: Map<XdsType, Link> | null = null;
  #opens: Opens | null = null;
  #asksRoutes = false;
  #owed: Owed[] = [];
  /** Has it yet to ask this stream for clusters? */
  #clustersUnasked = false;
  #hungUntilMs = 0;
  /** Types of which it refused the last thing that it was sent. */
  readonly #refuses = new Set<XdsType>();
  /** Clusters of delta that it was sent and has refused. */
  readonly #lacks = new Set<string>();
  /** When its stream last began or ended. */
  changedAtMs: number;

  constructor(options: EnvoyOptions) {
    this.id = options.id;
    this.#options = options;
    this.changedAtMs = options.clock.now();
  }

  get connected(): boolean {
    return this.#links !== null;
  }

  /** Did it refuse the last thing that it was sent of a type? Of delta: or anything that it was sent since and lacks. */
  get refusing(): boolean {
    return this.#refuses.size + this.#lacks.size > 0;
  }

  get hungUntilMs(): number {
    return this.#hungUntilMs;
  }

  get splits(): readonly Split[] {
    return this.#routes?.splits ?? [];
  }

  clusterNames(): Iterable<string> {
    return this.#clusters.keys();
  }

  /** Has it this cluster, with endpoints? */
  has(cluster: string): boolean {
    return this.#clusters.get(cluster)?.warm === true;
  }

  /** Those by which requests are drawn, and not by a colour that they bring along from where they were drawn. */
  get drawn(): readonly Split[] {
    return this.#routes?.drawn ?? [];
  }

  /** Share of one cluster in basis points of the split that names it; 0 where none does. */
  share(cluster: string): number {
    for (const split of this.drawn) for (const arm of split) if (arm.cluster === cluster) return arm.weight;
    return 0;
  }

  hang(forMs: number): void {
    this.#hungUntilMs = this.#options.clock.now() + forMs;
  }

  wake(): void {
    this.#hungUntilMs = 0;
  }

  connect(opens: Opens): void {
    this.changedAtMs = this.#options.clock.now();
    this.#owed = [];
    this.#links = new Map();
    this.#opens = opens;
    // A reconnecting Envoy asks for all that it uses, in the order of make before break; but for clusters only when
    // those that it has are warm (`xds.md` S5). Before its first routes nothing is held up.
    this.#clustersUnasked = this.#asksRoutes && !this.#isWarm();
    if (!this.#clustersUnasked) this.#request('cluster', ['*'], {});
    const services = this.#services();
    if (services.length > 0) this.#request('endpoint', services, {});
    if (this.#asksRoutes) this.#request('route', ['edge'], {});
  }

  /** A stream begins with the first request of its type, or of any. */
  #linkOf(type: XdsType): Link | null {
    const links = this.#links;
    if (links === null || this.#opens === null) return null;
    const { protocol, apart } = this.#options;
    const known = links.get(type) ?? (apart ? undefined : [...links.values()][0]);
    if (known !== undefined) return known;
    const self: { link: Link | null } = { link: null };
    const server = this.#opens({ protocol, only: apart ? type : null }, (response) => {
      const { link } = self;
      if (link === null) return;
      this.#send(link, 'toEnvoy', () => {
        if (link.open) this.#receive(link, response);
      });
    });
    const busyUntilMs = { toServer: 0, toEnvoy: 0 };
    const link: Link = { server, nonces: new Map(), asked: new Map(), busyUntilMs, open: true };
    self.link = link;
    links.set(type, link);
    return link;
  }

  /** @param server does the other end notice now? Otherwise the returned function makes it notice later. */
  disconnect(server: 'notices' | 'later'): () => void {
    const links = [...(this.#links?.values() ?? [])];
    if (this.#links === null) return () => undefined;
    this.changedAtMs = this.#options.clock.now();
    this.#links = null;
    for (const link of links) link.open = false;
    const end = () => {
      for (const link of links) link.server.end();
    };
    if (server === 'notices') end();
    return end;
  }

  /** A new process under the same name: it has nothing. */
  restart(): void {
    this.#options.beforeRoutes();
    this.#clusters = new Map();
    this.#endpoints.clear();
    this.#lacks.clear();
    this.#refuses.clear();
    this.#routes = null;
    this.#asksRoutes = false;
  }

  #send({ busyUntilMs }: Link, way: 'toServer' | 'toEnvoy', arrive: () => void): void {
    const { clock, delayMs } = this.#options;
    const now = clock.now();
    const atMs = Math.max(now + delayMs(), busyUntilMs[way], this.#hungUntilMs);
    busyUntilMs[way] = atMs;
    clock.setTimer(atMs - now, arrive);
  }

  /** @param answers the nonce of the response that this answers; none: it only says what is asked for. */
  #request(
    type: XdsType,
    names: readonly string[],
    how: { readonly error?: string | null; readonly answers?: string },
  ) {
    const link = this.#linkOf(type);
    if (link === null) return;
    const { error = null, answers } = how;
    const returning = type === 'route' ? this.#routes !== null : this.#clusters.size > 0;
    const rest = { rejected: error !== null, error, returning };
    const asked =
      this.#options.protocol === 'sotw'
        ? ({ kind: 'sotw', nonce: link.nonces.get(type) ?? '', names: names.filter((name) => name !== '*') } as const)
        : this.#deltaRequest(link, type, names, answers ?? '');
    if (asked === null) return;
    this.#send(link, 'toServer', () => {
      if (link.open) link.server.receive(type, { ...asked, ...rest });
    });
  }

  /** `null`: there is nothing to say. */
  #deltaRequest(link: Link, type: XdsType, names: readonly string[], nonce: string) {
    const before = link.asked.get(type);
    const wanted = new Set(names);
    link.asked.set(type, wanted);
    const subscribe = names.filter((name) => before?.has(name) !== true);
    const unsubscribe = [...(before ?? [])].filter((name) => !wanted.has(name));
    if (before !== undefined && nonce === '' && subscribe.length + unsubscribe.length === 0) return null;
    const initial = before === undefined ? this.#versions(type) : new Map<string, string>();
    return { kind: 'delta', nonce, subscribe, unsubscribe, initial } as const;
  }

  #versions(type: XdsType): ReadonlyMap<string, string> {
    if (type === 'cluster') return new Map([...this.#clusters].map(([name, { version }]) => [name, version]));
    if (type === 'endpoint') return this.#endpoints;
    return new Map(this.#routes === null ? [] : [['edge', this.#routes.version]]);
  }

  #services(): readonly string[] {
    const names = new Set<string>();
    for (const { service } of this.#clusters.values()) if (service !== null) names.add(service);
    return [...names].sort();
  }

  #receive(link: Link, response: DiscoveryResponse): void {
    link.nonces.set(response.type, response.nonce);
    if (response.type === 'cluster') this.#takeClusters(response);
    else if (response.type === 'endpoint') this.#takeEndpoints(response);
    else if (response.type === 'route') this.#takeRoutes(response);
  }

  #takeClusters({ protocol, resources, removed, nonce }: DiscoveryResponse): void {
    const before = this.#services().join();
    const next = new Map<string, HeldCluster>(protocol === 'delta' ? this.#clusters : []);
    if (protocol === 'sotw') this.#lacks.clear();
    for (const name of removed) {
      next.delete(name);
      this.#lacks.delete(name);
    }
    let error: string | null = null;
    for (const resource of resources) {
      const refused = this.#options.refusesCluster(resource.name);
      // The good ones of a refused response count all the same.
      if (refused !== null) {
        error = refused;
        if (protocol === 'delta') this.#lacks.add(resource.name);
        continue;
      }
      this.#lacks.delete(resource.name);
      const held = this.#clusters.get(resource.name);
      if (held?.version === resource.version) {
        next.set(resource.name, held);
        continue;
      }
      const cluster = objectOf<Cluster>(resource);
      const service = cluster.type === 'EDS' ? cluster.edsClusterConfig.serviceName : null;
      const fresh: HeldCluster = { version: resource.version, service, warm: false };
      next.set(resource.name, fresh);
      if (service === null) this.#options.clock.setTimer(this.#options.warmMs(), () => this.#warm(fresh));
    }
    for (const name of this.#clusters.keys()) {
      // One that refuses what the others have keeps the routes of before, longer than anything is kept for it.
      if (
        !next.has(name) &&
        !this.refusing &&
        !this.#options.isStale() &&
        this.splits.some((split) => split.some(({ cluster }) => cluster === name))
      ) {
        this.#options.wrong('I11', `${this.id} lost cluster ${name}, which its routes name`);
      }
    }
    this.#options.trace(
      `${this.id} clusters: ${[...next.keys()]
        .filter((name) => name.includes('--v'))
        .map((name) => name.slice(5, 10))
        .join(' ')}`,
    );
    this.#clusters = next;
    this.#note('cluster', error);
    if (error !== null) this.#options.trace(`${this.id} refuses its clusters`);
    if (protocol === 'delta') this.#owed.push({ nonce, error });
    else this.#owed = error === null ? [{ nonce, error }] : [];
    if (protocol === 'sotw' && error !== null) this.#request('cluster', ['*'], { error });
    const services = this.#services();
    for (const service of this.#endpoints.keys()) if (!services.includes(service)) this.#endpoints.delete(service);
    if (services.join() !== before) this.#request('endpoint', services, {});
    this.#answerWhenWarm();
  }

  #takeEndpoints({ resources, nonce }: DiscoveryResponse): void {
    const given = new Set(resources.map(({ name }) => name));
    const services = this.#services();
    for (const { name, version } of resources) if (services.includes(name)) this.#endpoints.set(name, version);
    this.#request('endpoint', services, { answers: nonce });
    for (const cluster of this.#clusters.values()) {
      if (cluster.service !== null && given.has(cluster.service)) cluster.warm = true;
    }
    this.#answerWhenWarm();
  }

  #warm(cluster: HeldCluster): void {
    cluster.warm = true;
    this.#answerWhenWarm();
  }

  #isWarm(): boolean {
    for (const { warm } of this.#clusters.values()) if (!warm) return false;
    return true;
  }

  #answerWhenWarm(): void {
    if (this.#links === null || !this.#isWarm()) return;
    if (this.#clustersUnasked) {
      this.#clustersUnasked = false;
      this.#request('cluster', ['*'], {});
    }
    if (this.#owed.length === 0) return;
    for (const { nonce, error } of this.#owed) this.#request('cluster', ['*'], { error, answers: nonce });
    this.#owed = [];
    if (this.#asksRoutes) return;
    this.#asksRoutes = true;
    this.#request('route', ['edge'], {});
  }

  #note(type: XdsType, error: string | null): void {
    if (error === null) this.#refuses.delete(type);
    else this.#refuses.add(type);
  }

  #takeRoutes({ resources, nonce }: DiscoveryResponse) {
    const tables = resources.map((resource) => objectOf<RouteConfiguration>(resource));
    const all = tables.flatMap(({ virtualHosts }) =>
      virtualHosts.flatMap(({ routes }) =>
        routes.flatMap(({ match, route }): { readonly split: Split; readonly isColour: boolean }[] => {
          const isColour = match?.headers?.some(({ name }) => name === COLOUR.header) === true;
          if (route?.cluster !== undefined) return [{ split: [{ cluster: route.cluster, weight: 10_000 }], isColour }];
          const arms = route?.weightedClusters?.clusters ?? [];
          const split = arms.map(({ name, weight }) => ({ cluster: name, weight: weight.value }));
          return split.length === 0 ? [] : [{ split, isColour }];
        }),
      ),
    );
    const splits = all.map(({ split }) => split);
    const drawn = all.flatMap(({ split, isColour }) => (isColour ? [] : [split]));
    const error = this.#options.refusesRoutes(splits);
    this.#note('route', error);
    if (error !== null) {
      this.#options.trace(`${this.id} refuses its routes`);
      return this.#request('route', ['edge'], { error, answers: nonce });
    }
    for (const arm of splits.flat()) {
      // Its first routes find it serving nothing: they cannot take anything from it.
      if (this.#routes === null || this.has(arm.cluster)) continue;
      this.#options.wrong('I11', `${this.id} got routes to ${arm.cluster}, which it does not have (warm)`);
    }
    for (const split of splits) {
      const sum = split.reduce((total, { weight }) => total + weight, 0);
      if (sum !== 10_000) this.#options.wrong('I1', `${this.id} got weights that sum to ${sum}`);
    }
    this.#options.beforeRoutes();
    this.#routes = { splits, drawn, version: resources[0]?.version ?? '' };
    this.#options.trace(`${this.id} routes: ${splits.map((s) => s.map(({ weight }) => weight).join('/')).join(' ')}`);
    this.#request('route', ['edge'], { answers: nonce });
  }
}
