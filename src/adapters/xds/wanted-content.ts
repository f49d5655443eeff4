import type { ClientStreams, ClusterUse } from './client-streams.ts';
import type { EncodedResource } from './codec.ts';
import type { Snapshot } from './snapshot.ts';
import type { Subscription, Wanted } from './subscription.ts';
import type { XdsType } from './xds-types.ts';

/** Content of a resource that a client asked for, that does not exist, and that it would otherwise wait for. */
export const PLACEHOLDER = 'placeholder';

type Versions = ReadonlyMap<string, string>;

export interface WantedOptions {
  readonly subscriptions: Readonly<Record<XdsType, Subscription>>;
  readonly self: ClusterUse;
  readonly client: ClientStreams;
  /** Clusters that the client has by the last response sent. */
  readonly sentClusters: () => ReadonlyMap<string, EncodedResource>;
}

/**
 * What one stream should hold of each type at a snapshot. It remembers what it picked: most snapshots change one type,
 * and most requests ask for the same names again.
 */
export class WantedContent {
  readonly #options: WantedOptions;
  readonly #picked = new Map<XdsType, { readonly from: Versions; readonly picked: Versions }>();
  /** The clusters of a snapshot and those sent, between which nothing was found that is to be kept. */
  #nothingKept: readonly [Versions, ReadonlyMap<string, EncodedResource>] | null = null;

  constructor(options: WantedOptions) {
    this.#options = options;
  }

  /** The names asked for have changed. */
  forget(type: XdsType): void {
    this.#picked.delete(type);
  }

  of(type: XdsType, snapshot: Snapshot): Wanted {
    const { position } = snapshot;
    const { names } = this.#options.subscriptions[type];
    switch (type) {
      case 'cluster':
        return this.#clusters(snapshot);
      case 'endpoint': {
        const known = this.#pick(type, snapshot.endpoint.versions);
        return { versions: known.size === names.size ? known : this.#endpoints(snapshot), position };
      }
      // A fleet without listeners of ours: who asks gets the empty set once, so that its start goes on.
      case 'listener':
      case 'route':
        return { versions: this.#pick(type, snapshot[type].versions), position };
      // A runtime layer that is not answered keeps Envoy from asking for anything else for 15 s.
      case 'runtime':
        return { versions: new Map([...names].map((name) => [name, PLACEHOLDER])), position };
    }
  }

  #clusters(snapshot: Snapshot): Wanted {
    const { subscriptions, self, client, sentClusters } = this.#options;
    const { versions } = snapshot.cluster;
    const base = this.#pick('cluster', versions);
    const sent = sentClusters();
    const kept: [string, string][] = [];
    const looked = this.#nothingKept;
    if (looked?.[0] !== versions || looked[1] !== sent) {
      let gone = false;
      const used = new Set(subscriptions.route.active ? self.usedClusters() : client.usedClusters());
      for (const [name, { version }] of sent) {
        if (versions.has(name)) continue;
        gone = true;
        if (used.has(name)) kept.push([name, version]);
      }
      if (!gone) this.#nothingKept = [versions, sent];
    }
    if (kept.length === 0) return { versions: base, position: snapshot.position };
    const sorted = [...base, ...kept].sort(([a], [b]) => (a < b ? -1 : 1));
    // More than the records say, so it stands for no fleet revision; the response without these will.
    return { versions: new Map(sorted), position: null };
  }

  #endpoints({ endpoint }: Snapshot): Versions {
    const { names, sentVersions: has } = this.#options.subscriptions.endpoint;
    const versions = new Map<string, string>();
    for (const name of names) {
      const version = endpoint.versions.get(name);
      if (version !== undefined) versions.set(name, version);
      // Unknown here: an empty answer, or a cluster of an earlier server would warm until its time-out.
      // Known once and gone: silence, its hosts stay until Envoy drops the cluster itself.
      else if (!has?.has(name) || has.get(name) === PLACEHOLDER) versions.set(name, PLACEHOLDER);
    }
    return versions;
  }

  #pick(type: XdsType, from: Versions): Versions {
    const before = this.#picked.get(type);
    if (before?.from === from) return before.picked;
    const { wildcard, names } = this.#options.subscriptions[type];
    const picked = wildcard ? from : pick(from, names);
    this.#picked.set(type, { from, picked });
    return picked;
  }
}

/** What is asked for; the very same map where that is all there is, so that who compares sees it at a glance. */
function pick(from: Versions, names: ReadonlySet<string>): Versions {
  const picked = new Map<string, string>();
  for (const name of names) {
    const version = from.get(name);
    if (version !== undefined) picked.set(name, version);
  }
  return picked.size === from.size ? from : picked;
}
