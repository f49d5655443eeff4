import type { FleetNode, NodeType } from '../model/fleet-state.ts';
import { olderPosition } from '../model/position.ts';
import type { Position } from '../model/traffic.ts';

/** What does not change while a stream lives. */
export interface StreamIdentity {
  readonly nodeId: string;
  readonly metricsName: string | null;
  readonly envoyVersion: string | null;
  readonly protocol: NodeType['protocol'];
  /** `null`: aggregated, it can carry all types. */
  readonly only: NodeType['type'] | null;
  /** The stream's epoch: of two streams of a node the one that began later. Epoch ms of the store's clock. */
  readonly openedAtMs: number;
}

export interface TypeProgress {
  readonly type: NodeType['type'];
  readonly sent: string | null;
  readonly acked: string | null;
  readonly nack: {
    readonly position: Position;
    readonly version: string;
    /** Whose trial the refused response was part of. */
    readonly trial: string | null;
    readonly message: string;
    readonly atMs: number;
  } | null;
}

/** How far a stream is. Many streams of a fleet are equally far; never changed in place. */
export interface StreamProgress {
  /** The newest fleet revision that all counted types of this stream have ACKed. */
  readonly position: Position | null;
  /** Does the client ask this stream for anything that counts? */
  readonly counts: boolean;
  /** Does it get its routes here? */
  readonly routes: boolean;
  /** The newest fleet revision whose route tables it has ACKed. */
  readonly routesAt: Position | null;
  /** When one of the above last changed. */
  readonly creditedAtMs: number;
  readonly types: readonly TypeProgress[];
}

export interface LedgerStream {
  readonly identity: StreamIdentity;
  readonly progress: StreamProgress;
}

/** A stream that some replica holds, or last said to hold. */
export interface HeldStream extends LedgerStream {
  readonly replica: string;
  /** Has the replica been heard of lately? */
  readonly fresh: boolean;
}

/** Not before it has ACKed on a stream is a node known to hold anything. */
export function startOf(openedAtMs: number): StreamProgress {
  return { position: null, counts: false, routes: false, routesAt: null, creditedAtMs: openedAtMs, types: [] };
}

/**
 * The streams that say something about a node now: all of them, but a replica that has fallen silent is not waited
 * for where the node has since opened the same kind of stream at another one, or one that can carry all kinds: what an
 * Envoy had before it came back so is not known to be what it has.
 */
export function speaking(streams: readonly HeldStream[]): readonly HeldStream[] {
  if (streams.length < 2 || streams.every(({ fresh }) => fresh)) return streams;
  return streams.filter(
    (one) =>
      one.fresh ||
      !streams.some(
        ({ fresh, identity: { only, openedAtMs } }) =>
          fresh &&
          (openedAtMs > one.identity.openedAtMs
            ? only === null || only === one.identity.only
            : // Within one millisecond, too, what carries everything does not go with a stream of one type.
              only === null && one.identity.only !== null && openedAtMs === one.identity.openedAtMs),
      ),
  );
}

export type Reached = Pick<FleetNode, 'credited' | 'routes'>;

/**
 * The least of all streams. Only who has routes is anywhere: a stream of clusters alone says nothing about where
 * requests go. Of aggregated streams each has to carry them (a second process may be starting), of others one.
 */
export function reached(streams: readonly LedgerStream[]): Reached {
  const [only, second] = streams;
  if (only !== undefined && second === undefined) {
    const { routes, position, routesAt } = only.progress;
    return routes ? { credited: position, routes: routesAt } : { credited: null, routes: null };
  }
  const routed = streams.filter(({ progress }) => progress.routes);
  const aggregated = streams.every(({ identity }) => identity.only === null);
  if (routed.length === 0 || (aggregated && routed.length < streams.length)) return { credited: null, routes: null };
  const counted = streams.filter(({ progress }) => progress.counts);
  return {
    credited: least(counted.map(({ progress }) => progress.position)),
    routes: least(routed.map(({ progress }) => progress.routesAt)),
  };
}

function least([first, ...others]: readonly (Position | null)[]): Position | null {
  return others.reduce<Position | null>(olderPosition, first ?? null);
}

/** The latest refusal that no ACK of the same type on the same stream has replaced. */
export function latestNack(streams: readonly LedgerStream[]): FleetNode['nack'] {
  let latest: FleetNode['nack'] = null;
  for (const { progress } of streams) {
    for (const { type, nack } of progress.types) {
      if (nack === null || (latest !== null && latest.atMs > nack.atMs)) continue;
      const { position, trial, message, atMs } = nack;
      latest = { position, type, trial, message, atMs };
    }
  }
  return latest;
}

function typeOf({ only, protocol }: StreamIdentity, { type, sent, acked, nack }: TypeProgress): NodeType {
  const refused = nack === null ? null : { version: nack.version, message: nack.message, atMs: nack.atMs };
  return { type, protocol, stream: only === null ? 'aggregated' : 'own', sent, acked, nack: refused };
}

/** One entry per type; of several streams the one that is furthest behind, of equals the older one. */
export function nodeTypes(streams: readonly LedgerStream[]): readonly NodeType[] {
  const [only, second] = streams;
  // A stream names its types in order.
  if (only !== undefined && second === undefined) {
    return only.progress.types.map((progress) => typeOf(only.identity, progress));
  }
  const worst = new Map<NodeType['type'], { readonly rank: number; readonly entry: NodeType }>();
  for (const { identity, progress } of streams) {
    for (const one of progress.types) {
      const rank = one.nack !== null ? 0 : one.acked === null ? 1 : one.acked !== one.sent ? 2 : 3;
      const before = worst.get(one.type);
      if (before === undefined || before.rank > rank) worst.set(one.type, { rank, entry: typeOf(identity, one) });
    }
  }
  return [...worst.values()].map(({ entry }) => entry).sort((a, b) => (a.type < b.type ? -1 : 1));
}
