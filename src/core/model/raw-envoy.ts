/**
 * What a document says to Envoy in Envoy's own words, as a merge patch (RFC 7396) of a resource that Serin built: names
 * of fields as Serin writes them, and `null` where another member of a oneof stands in the way of the one that is set.
 */
export type RawEnvoy = Readonly<Record<string, unknown>>;

/** Where it may stand, by the message that it is merged into. */
export const RAW_MESSAGES = {
  route: 'envoy.config.route.v3.Route',
  virtualHost: 'envoy.config.route.v3.VirtualHost',
  cluster: 'envoy.config.cluster.v3.Cluster',
} as const;
export type RawPlace = keyof typeof RAW_MESSAGES;

export interface RawProblem {
  /** Keys and indices as they stand in the document. */
  readonly path: readonly (string | number)[];
  /** The key is wrong, not what is behind it. */
  readonly isKey: boolean;
  readonly message: string;
}

export interface RawReading {
  /** Of use only without problems. */
  readonly patch: RawEnvoy;
  readonly problems: readonly RawProblem[];
}

/** Strict ProtoJSON of a message, by its full name. */
export type ReadRawEnvoy = (message: string, json: Readonly<Record<string, unknown>>) => RawReading;
