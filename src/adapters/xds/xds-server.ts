import { status } from '@grpc/grpc-js';
import { FleetLedgers } from '../../core/fleet/fleet-ledgers.ts';
import type { FleetState } from '../../core/model/fleet-state.ts';
import type { FleetTable, Position } from '../../core/model/traffic.ts';
import type { LiveCertificates } from '../../engine/ports/certificates.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { FleetView } from '../../engine/ports/fleet-view.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Replication } from '../../engine/ports/replication.ts';
import type { TrafficFeed } from '../../engine/ports/store.ts';
import type { TrafficHistory } from '../../engine/ports/traffic-history.ts';
import { ClientDirectory } from './client-streams.ts';
import { createCodec } from './codec.ts';
import { endInTurns } from './end-in-turns.ts';
import { feedPublishers } from './feed-publishers.ts';
import { createFleetPublisher, type FleetPublisher, type Refusal } from './fleet-publisher.ts';
import { credentialsOf, grpcServer, shutDown, streamAgeMs } from './grpc-server.ts';
import { type Listening, listen } from './listen.ts';
import type { FleetOptions } from './node-identity.ts';
import { loadProtoBundle } from './proto-bundle.ts';
import { createResponseCache } from './response-cache.ts';
import { handleStream, type StreamContext } from './stream-handler.ts';
import type { StreamSession } from './stream-session.ts';
import { TokenBucket } from './token-bucket.ts';
import { DEFAULT_LIMITS, type XdsLimits } from './xds-limits.ts';

export interface XdsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** `null`: plaintext, for loopback. */
  readonly tls: LiveCertificates | null;
  readonly traffic: TrafficFeed;
  /** What raises traffic is told to Envoys once it says so. @default nothing waits */
  readonly replication?: Replication | null;
  readonly fleets: readonly FleetOptions[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where streams are entered. @default one of its own: then its view is of its own streams alone */
  readonly ledgers?: FleetLedgers;
  readonly limits?: Partial<XdsLimits>;
  /** What this replica alone knows better than a table, see `FleetPublisher`. @default nothing */
  readonly overlay?: (table: FleetTable) => FleetTable;
  /** Without it, tables and ledger are read and shown, but nobody can connect. @default true */
  readonly listens?: boolean;
}

/** Created, then started, then drained and stopped; not used again afterwards. */
export interface XdsServer {
  /** The port in use; 0 before `start()` has resolved. */
  readonly port: number;
  readonly view: FleetView;
  readonly history: TrafficHistory;
  /** Fleets whose table was read at least once: only they are served. */
  loaded(): readonly string[];
  /** Fleets whose newest table was refused, with the reason; they keep the one before. */
  refusals(): ReadonlyMap<string, Refusal>;
  /** The overlay has changed: all Envoys are told at once, whatever the store does. */
  republish(): void;
  /** Under which fleet revision Envoys are given what they are given now; `null`: nothing yet. */
  given(fleet: string): Position | null;
  /** Listens and reads all tables. Rejects when the port cannot be bound; a store outage delays it by 2 s at most. */
  start(): Promise<void>;
  /** Tells clients to go elsewhere, waits for them up to the deadline, then cuts them off. */
  drain(deadlineMs: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Bytes handed to the transport in one turn of the event loop: it copies each of them once, and between turns ACKs are
 * read and memory is given back. A turn of many small responses ends by their number.
 */
const TURN_BYTES = 3_500_000;
const TURN_STREAMS = 1_000;

/** The server that Envoys connect to. It holds no truth: what it says is a function of the tables it reads. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  const { clock, logger } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const codec = createCodec(loadProtoBundle(), 'serin');
  const ledgers = options.ledgers ?? new FleetLedgers(() => clock.now());
  /** By fleet: every stream with the id of its node. */
  const sessions = new Map<string, Map<StreamSession, string>>();
  const clients = new ClientDirectory();
  const open = new Set<() => void>();
  const publishers = new Map<string, FleetPublisher>();
  for (const { name } of options.fleets) {
    const streams = new Map<StreamSession, string>();
    sessions.set(name, streams);
    const perSecond = limits.raiseBytesPerSecond;
    const budget = new TokenBucket({ perSecond, burst: perSecond }, clock.monotonicMs());
    const publish = () => fanOut(streams, publishers.get(name), clock, budget);
    const raiseWaitMs = () => budget.owesForMs(clock.monotonicMs());
    publishers.set(
      name,
      createFleetPublisher({
        ...{ fleet: name, traffic: options.traffic, replication: options.replication ?? null },
        ...{ codec, clock, logger, publish, raiseWaitMs },
        ...(options.overlay === undefined ? {} : { overlay: options.overlay }),
      }),
    );
  }
  const context: StreamContext = {
    codec,
    cache: createResponseCache(codec),
    ledgers,
    fleets: options.fleets,
    logger,
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    limits,
    streamAgeMs: () => streamAgeMs(limits, Math.random()),
    clientOf: (identity) => clients.of(identity),
    snapshot: (fleet, nodeId) => publishers.get(fleet)?.snapshot(nodeId) ?? null,
    whenRead: (fleet, told) => publishers.get(fleet)?.whenRead(told),
    setTimer: (afterMs, fire) => clock.setTimer(afterMs, fire),
    track(end) {
      open.add(end);
      return () => open.delete(end);
    },
    joined: ({ fleet, nodeId }, session) => sessions.get(fleet)?.set(session, nodeId),
    left: (fleet, session) => sessions.get(fleet)?.delete(session),
  };
  const newStreams = new TokenBucket(
    { perSecond: limits.newStreamsPerSecond, burst: limits.newStreamBurst },
    clock.monotonicMs(),
  );
  const server = grpcServer(limits, (call, variant) => {
    const ended = listening?.connections.streamOpened(call.getPeer());
    // Comes at the end of every stream, however it ends.
    if (ended !== undefined) call.once('cancelled', ended);
    if (open.size >= limits.maxStreams) {
      const details = 'too many streams (setting xds.limits.maxStreams)';
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details });
    } else if (!newStreams.take(1, clock.monotonicMs())) {
      // Envoy tries again, a little later each time.
      const details = 'too many new streams at once (setting xds.limits.newStreamsPerSecond)';
      call.emit('error', { code: status.UNAVAILABLE, details });
    } else handleStream(call, variant, context);
  });
  const feeding = feedPublishers({
    traffic: options.traffic,
    ...{ publishers, clock, logger },
    polled: () => {
      for (const streams of sessions.values()) {
        for (const session of streams.keys()) session.flush(clock.monotonicMs());
      }
    },
  });
  let listening: Listening | null = null;
  return {
    get port() {
      return listening?.port ?? 0;
    },
    view: {
      state: (fleet) => seen(ledgers.state(fleet), publishers.get(fleet)),
      onProgress: (listener) => ledgers.onProgress(listener),
    },
    history: historyOf(publishers),
    loaded: () => [...publishers.values()].filter((p) => p.loaded()).map(({ fleet }) => fleet),
    refusals: () => refusals(publishers.values()),
    republish: () => {
      for (const publisher of publishers.values()) publisher.republish();
    },
    given: (fleet) => publishers.get(fleet)?.given() ?? null,
    async start() {
      // Streams that come before the tables wait for them.
      const feed = feeding.start();
      if (options.listens === false) return feed;
      try {
        listening = await listen(server, credentialsOf(options.tls), { ...options, limits });
      } catch (cause) {
        await feeding.stop();
        throw cause;
      }
      await feed;
    },
    async drain(deadlineMs) {
      listening?.close();
      const closed = shutDown(server, clock, deadlineMs);
      // Discovery streams never end by themselves; ended ones are opened again at another replica.
      await endInTurns(open);
      await closed;
      await feeding.stop();
    },
    async stop() {
      server.forceShutdown();
      listening?.destroy();
      await feeding.stop();
    },
  };
}

/** Newest snapshot to every stream, a chunk per turn of the loop; what is published meanwhile overtakes it. */
function fanOut(
  streams: ReadonlyMap<StreamSession, string>,
  publisher: FleetPublisher | undefined,
  clock: Clock,
  budget: TokenBucket,
): void {
  const waiting = [...streams];
  const turn = (from: number) => {
    let bytes = 0;
    let at = from;
    for (; at < waiting.length && bytes < TURN_BYTES && at < from + TURN_STREAMS; at += 1) {
      const [session, nodeId] = waiting[at] ?? [];
      if (session === undefined || nodeId === undefined || !streams.has(session)) continue;
      const snapshot = publisher?.snapshot(nodeId) ?? null;
      if (snapshot === null) return;
      const before = session.writtenBytes;
      session.update(snapshot, clock.monotonicMs());
      bytes += session.writtenBytes - before;
    }
    budget.spend(bytes, clock.monotonicMs());
    if (at < waiting.length) setImmediate(turn, at);
  };
  turn(0);
}

function historyOf(publishers: ReadonlyMap<string, FleetPublisher>): TrafficHistory {
  return {
    newest: (fleet) => publishers.get(fleet)?.table() ?? null,
    running: (fleet) => publishers.get(fleet)?.running() ?? null,
    ofVersion: (fleet, type, version) => publishers.get(fleet)?.history.ofVersion(type, version) ?? null,
    ofPosition: (fleet, type, position, nodeId) =>
      publishers.get(fleet)?.history.ofPosition(type, position, nodeId) ?? null,
  };
}

/** Behind a store that went back, an old ACK of a higher number is no ACK of a new decision. */
function seen(state: FleetState, publisher: FleetPublisher | undefined): FleetState {
  if (publisher?.regressed() !== true) return state;
  return { ...state, nodes: state.nodes.map((node) => ({ ...node, credited: null, routes: null })) };
}

function refusals(publishers: Iterable<FleetPublisher>): ReadonlyMap<string, Refusal> {
  const refused = new Map<string, Refusal>();
  for (const publisher of publishers) {
    const refusal = publisher.refusal();
    if (refusal !== null) refused.set(publisher.fleet, refusal);
  }
  return refused;
}
