/** What one stream says about the clusters of its client. */
export interface ClusterUse {
  /** Does the client get clusters by this stream? */
  readonly givesClusters: boolean;
  /** Does the client ask for endpoints of clusters that it was not given by this stream, and has not asked it for yet? */
  readonly warmsClusters: boolean;
  /** Is this cluster sent, ACKed, and not about to be taken away? */
  hasCluster(name: string): boolean;
  /** Clusters named by the route tables that the client uses, or may have begun to use. */
  usedClusters(): Iterable<string>;
  /** Clusters that use these endpoints are about to warm and need them again. */
  endpointsDue(services: readonly string[]): void;
  flush(nowMs: number): void;
}

/**
 * All streams of one node. What a stream does not carry itself, it asks the others for: so routes wait for clusters,
 * and clusters for routes, whichever stream carries them. Streams that belong to two processes (hot restart) cannot
 * be told apart; then the one that has less decides.
 */
export class ClientStreams {
  readonly #members = new Set<ClusterUse>();
  readonly #onEmpty: () => void;
  /** Did a stream that has ended give the client its clusters? Then the next one is on its way. */
  #clustersAwaited = false;

  constructor(onEmpty: () => void = () => {}) {
    this.#onEmpty = onEmpty;
  }

  join(member: ClusterUse): void {
    this.#members.add(member);
  }

  leave(member: ClusterUse): void {
    this.#members.delete(member);
    if (member.givesClusters) this.#clustersAwaited = true;
    if (this.#members.size === 0) this.#onEmpty();
  }

  /**
   * Without a stream that gives clusters nothing here can tell what the client has. One that begins with routes alone
   * means it so. One that returns had its clusters from somewhere: its streams come back in any order, and routes that
   * name a cluster before it is there would fail requests.
   */
  haveCluster(name: string, { returning }: { readonly returning: boolean }): boolean {
    let told = false;
    for (const member of this.#members) {
      if (!member.givesClusters) continue;
      if (!member.hasCluster(name)) return false;
      told = true;
    }
    return told || !(returning || this.#clustersAwaited);
  }

  /**
   * Envoy asks for no clusters while those that it has warm, also when it returns, and it may have had no routes so far:
   * then its endpoints alone tell that clusters will be asked for.
   */
  warmsClusters(): boolean {
    for (const member of this.#members) if (member.givesClusters) return false;
    for (const member of this.#members) if (member.warmsClusters) return true;
    return false;
  }

  *usedClusters(): Iterable<string> {
    for (const member of this.#members) yield* member.usedClusters();
  }

  endpointsDue(services: readonly string[]): void {
    // One that carries clusters itself knows by itself what warms.
    for (const member of this.#members) if (!member.givesClusters) member.endpointsDue(services);
  }

  /** Something that another stream may be waiting for has happened. */
  flushOthers(than: ClusterUse, nowMs: number): void {
    for (const member of this.#members) if (member !== than) member.flush(nowMs);
  }
}

/** Finds the streams that belong together. */
export class ClientDirectory {
  readonly #byNode = new Map<string, ClientStreams>();

  of({ fleet, nodeId }: { readonly fleet: string; readonly nodeId: string }): ClientStreams {
    const key = `${fleet} ${nodeId}`;
    const known = this.#byNode.get(key) ?? new ClientStreams(() => this.#byNode.delete(key));
    this.#byNode.set(key, known);
    return known;
  }
}
