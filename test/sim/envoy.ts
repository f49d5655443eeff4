import type { DiscoveryResponse } from '../../src/adapters/xds/codec.ts';
import type { XdsType } from '../../src/adapters/xds/xds-types.ts';
import type { Cluster, RouteConfiguration } from '../../src/core/traffic/envoy-resources.ts';
import type { Clock } from '../../src/engine/ports/clock.ts';
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

interface Link {
  readonly server: ServerStream;
  readonly nonces: Map<XdsType, string>;
  open: boolean;
}

/**
 * An Envoy as xDS sees it: state of the world, aggregated. Clusters warm before they are ACKed (until then CDS is
 * paused), routes count at once, a refusal keeps what was there, a reconnect keeps everything (notes of Envoy's own
 * documentation on ordering and warming). Each direction of a stream is first in, first out.
 */
export class Envoy {
  readonly id: string;
  readonly #options: EnvoyOptions;
  #clusters = new Map<string, HeldCluster>();
  #routes: { readonly splits: readonly Split[] } | null = null;
  #link: Link | null = null;
  #asksRoutes = false;
  /** The CDS response that is to be ACKed when all clusters are warm. */
  #warming = false;
  #hungUntilMs = 0;
  #busyUntilMs = { toServer: 0, toEnvoy: 0 };
  /** Did it refuse the last thing that it was sent? */
  refusing = false;
  /** When its stream last began or ended. */
  changedAtMs: number;

  constructor(options: EnvoyOptions) {
    this.id = options.id;
    this.#options = options;
    this.changedAtMs = options.clock.now();
  }

  get connected(): boolean {
    return this.#link !== null;
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

  /** Share of one cluster in basis points of the split that names it; 0 where none does. */
  share(cluster: string): number {
    for (const split of this.splits) for (const arm of split) if (arm.cluster === cluster) return arm.weight;
    return 0;
  }

  hang(forMs: number): void {
    this.#hungUntilMs = this.#options.clock.now() + forMs;
  }

  wake(): void {
    this.#hungUntilMs = 0;
  }

  connect(open: (toEnvoy: (response: DiscoveryResponse) => void) => ServerStream): void {
    this.changedAtMs = this.#options.clock.now();
    this.#busyUntilMs = { toServer: 0, toEnvoy: 0 };
    this.#warming = false;
    const self: { link: Link | null } = { link: null };
    const server = open((response) => {
      this.#send('toEnvoy', () => {
        if (self.link !== null && this.#link === self.link) this.#receive(response);
      });
    });
    const link: Link = { server, nonces: new Map(), open: true };
    self.link = link;
    this.#link = link;
    // A reconnecting Envoy asks for all that it uses, in the order of make before break.
    this.#request('cluster', [], {});
    const services = this.#services();
    if (services.length > 0) this.#request('endpoint', services, {});
    if (this.#asksRoutes) this.#request('route', ['edge'], {});
  }

  /** @param server does the other end notice now? Otherwise the returned function makes it notice later. */
  disconnect(server: 'notices' | 'later'): () => void {
    const link = this.#link;
    if (link === null) return () => undefined;
    this.changedAtMs = this.#options.clock.now();
    link.open = false;
    this.#link = null;
    if (server === 'notices') link.server.end();
    return () => link.server.end();
  }

  /** A new process under the same name: it has nothing. */
  restart(): void {
    this.#options.beforeRoutes();
    this.#clusters = new Map();
    this.#routes = null;
    this.#asksRoutes = false;
  }

  #send(way: 'toServer' | 'toEnvoy', arrive: () => void): void {
    const { clock, delayMs } = this.#options;
    const now = clock.now();
    const atMs = Math.max(now + delayMs(), this.#busyUntilMs[way], this.#hungUntilMs);
    this.#busyUntilMs[way] = atMs;
    clock.setTimer(atMs - now, arrive);
  }

  #request(type: XdsType, names: readonly string[], { error = null }: { readonly error?: string | null }): void {
    const link = this.#link;
    if (link === null) return;
    const nonce = link.nonces.get(type) ?? '';
    const returning = type === 'route' ? this.#routes !== null : this.#clusters.size > 0;
    this.#send('toServer', () => {
      if (!link.open) return;
      link.server.receive(type, { kind: 'sotw', nonce, rejected: error !== null, error, names, returning });
    });
  }

  #services(): readonly string[] {
    const names = new Set<string>();
    for (const { service } of this.#clusters.values()) if (service !== null) names.add(service);
    return [...names].sort();
  }

  #receive(response: DiscoveryResponse): void {
    const link = this.#link;
    if (link === null) return;
    link.nonces.set(response.type, response.nonce);
    if (response.type === 'cluster') this.#takeClusters(response);
    else if (response.type === 'endpoint') this.#takeEndpoints(response);
    else if (response.type === 'route') this.#takeRoutes(response);
  }

  #takeClusters({ resources }: DiscoveryResponse): void {
    const before = this.#services().join();
    const next = new Map<string, HeldCluster>();
    let error: string | null = null;
    for (const resource of resources) {
      const refused = this.#options.refusesCluster(resource.name);
      // The good ones of a refused response count all the same.
      if (refused !== null) {
        error = refused;
        continue;
      }
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
    this.#warming = error === null;
    this.refusing = error !== null;
    if (error !== null) {
      this.#options.trace(`${this.id} refuses its clusters`);
      this.#request('cluster', [], { error });
    }
    const services = this.#services();
    if (services.join() !== before) this.#request('endpoint', services, {});
    this.#ackWhenWarm();
  }

  #takeEndpoints({ resources }: DiscoveryResponse): void {
    const given = new Set(resources.map(({ name }) => name));
    this.#request('endpoint', this.#services(), {});
    for (const cluster of this.#clusters.values()) {
      if (cluster.service !== null && given.has(cluster.service)) cluster.warm = true;
    }
    this.#ackWhenWarm();
  }

  #warm(cluster: HeldCluster): void {
    cluster.warm = true;
    this.#ackWhenWarm();
  }

  #ackWhenWarm(): void {
    if (!this.#warming || this.#link === null) return;
    for (const { warm } of this.#clusters.values()) if (!warm) return;
    this.#warming = false;
    this.#request('cluster', [], {});
    if (this.#asksRoutes) return;
    this.#asksRoutes = true;
    this.#request('route', ['edge'], {});
  }

  #takeRoutes({ resources }: DiscoveryResponse) {
    const tables = resources.map((resource) => objectOf<RouteConfiguration>(resource));
    const splits = tables.flatMap(({ virtualHosts }) =>
      virtualHosts.flatMap(({ routes }) =>
        routes.flatMap(({ route }): Split[] => {
          if (route?.cluster !== undefined) return [[{ cluster: route.cluster, weight: 10_000 }]];
          const arms = route?.weightedClusters?.clusters ?? [];
          return arms.length === 0 ? [] : [arms.map(({ name, weight }) => ({ cluster: name, weight: weight.value }))];
        }),
      ),
    );
    const error = this.#options.refusesRoutes(splits);
    this.refusing = error !== null;
    if (error !== null) {
      this.#options.trace(`${this.id} refuses its routes`);
      return this.#request('route', ['edge'], { error });
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
    this.#routes = { splits };
    this.#options.trace(`${this.id} routes: ${splits.map((s) => s.map(({ weight }) => weight).join('/')).join(' ')}`);
    this.#request('route', ['edge'], {});
  }
}
