/** What one stream says about the clusters of its client. */
export interface ClusterUse {
  /** Does the client get clusters by this stream? */
  readonly givesClusters: boolean;
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

  constructor(onEmpty: () => void = () => {}) {
    this.#onEmpty = onEmpty;
  }

  join(member: ClusterUse): void {
    this.#members.add(member);
  }

  leave(member: ClusterUse): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.#onEmpty();
  }

  /** Without a stream that gives clusters they are the user's own, and nothing here can tell. */
  haveCluster(name: string): boolean {
    for (const member of this.#members) if (member.givesClusters && !member.hasCluster(name)) return false;
    return true;
  }

  *usedClusters(): Iterable<string> {
    for (const member of this.#members) yield* member.usedClusters();
  }

  endpointsDue(services: readonly string[]): void {
    for (const member of this.#members) member.endpointsDue(services);
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
