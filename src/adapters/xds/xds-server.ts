import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { FleetState } from '../../core/model/fleet-state.ts';
import type { Clock, Timer } from '../../engine/ports/clock.ts';
import type { FleetView } from '../../engine/ports/fleet-view.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { TrafficFeed } from '../../engine/ports/store.ts';
import type { TrafficHistory } from '../../engine/ports/traffic-history.ts';
import { ClientDirectory } from './client-streams.ts';
import { createCodec } from './codec.ts';
import { DISCOVERY_METHODS, DISCOVERY_SERVICE, type RawStream } from './discovery-services.ts';
import { createFleetPublisher, type FleetPublisher, type Refusal } from './fleet-publisher.ts';
import { type Listening, listen } from './listen.ts';
import type { FleetOptions } from './node-identity.ts';
import { createNodeRegistry } from './node-registry.ts';
import { loadProtoBundle } from './proto-bundle.ts';
import { createResponseCache } from './response-cache.ts';
import { handleStream, type StreamContext } from './stream-handler.ts';
import type { StreamSession, StreamVariant } from './stream-session.ts';

export interface XdsTls {
  /** PEM. */
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  /** PEM of the authorities whose client certificates are accepted; a client without one is turned away. */
  readonly clientCa: Buffer;
}

export interface XdsLimits {
  /** @default 4 MiB */
  readonly maxMessageBytes: number;
  /** Per connection. Envoy needs one, two while it hot-restarts. @default 8 */
  readonly maxStreamsPerConnection: number;
  /** Over all connections. @default 20,000 */
  readonly maxStreams: number;
  /** @default 10,000 */
  readonly maxResourceNames: number;
  /** A response without an answer for so long may be overtaken by newer content. @default 500 */
  readonly stuckAfterMs: number;
}

export interface XdsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** `null`: plaintext, for loopback. */
  readonly tls: XdsTls | null;
  readonly traffic: TrafficFeed;
  readonly fleets: readonly FleetOptions[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<XdsLimits>;
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
  /** Listens and reads all tables. Rejects when the port cannot be bound; a store outage delays it by 2 s at most. */
  start(): Promise<void>;
  /** Tells clients to go elsewhere, waits for them up to the deadline, then cuts them off. */
  drain(deadlineMs: number): Promise<void>;
  stop(): Promise<void>;
}

const DEFAULT_LIMITS: XdsLimits = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxStreamsPerConnection: 8,
  maxStreams: 20_000,
  maxResourceNames: 10_000,
  stuckAfterMs: 500,
};

/** Backstop for lost hints of the store and for responses stuck at a client. */
const POLL_MS = 1_000;
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
  const registry = createNodeRegistry(() => clock.now());
  /** By fleet: every stream with the id of its node. */
  const sessions = new Map<string, Map<StreamSession, string>>();
  const clients = new ClientDirectory();
  const open = new Set<() => void>();
  const publishers = new Map<string, FleetPublisher>();
  for (const { name } of options.fleets) {
    const streams = new Map<StreamSession, string>();
    sessions.set(name, streams);
    const publish = () => fanOut(streams, publishers.get(name), clock);
    publishers.set(
      name,
      createFleetPublisher({ fleet: name, traffic: options.traffic, codec, clock, logger, publish }),
    );
  }
  const context: StreamContext = {
    codec,
    cache: createResponseCache(codec),
    registry,
    fleets: options.fleets,
    logger,
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    maxResourceNames: limits.maxResourceNames,
    stuckAfterMs: limits.stuckAfterMs,
    clientOf: (identity) => clients.of(identity),
    snapshot: (fleet, nodeId) => publishers.get(fleet)?.snapshot(nodeId) ?? null,
    setTimer: (afterMs, fire) => clock.setTimer(afterMs, fire),
    track(end) {
      open.add(end);
      return () => open.delete(end);
    },
    joined: ({ fleet, nodeId }, session) => sessions.get(fleet)?.set(session, nodeId),
    left: (fleet, session) => sessions.get(fleet)?.delete(session),
  };
  const server = grpcServer(limits, (call, variant) => {
    if (open.size < limits.maxStreams) handleStream(call, variant, context);
    else call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'too many streams (setting xds.maxStreams)' });
  });
  const feeding = createFeeding(options.traffic, publishers, sessions, clock, logger);
  let listening: Listening | null = null;
  return {
    get port() {
      return listening?.port ?? 0;
    },
    view: {
      ...registry,
      state: (fleet) => seen(registry.state(fleet), publishers.get(fleet)),
    },
    history: historyOf(publishers),
    loaded: () => [...publishers.values()].filter((p) => p.loaded()).map(({ fleet }) => fleet),
    refusals: () => refusals(publishers.values()),
    async start() {
      // Streams that come before the tables wait for them.
      const feed = feeding.start();
      try {
        listening = await listen(server, credentialsOf(options), options);
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
      for (const end of [...open]) end();
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

function grpcServer(limits: XdsLimits, onStream: (call: RawStream, variant: StreamVariant) => void): Server {
  const server = new Server({
    'grpc.max_receive_message_length': limits.maxMessageBytes,
    'grpc.max_concurrent_streams': limits.maxStreamsPerConnection,
    'grpc.max_metadata_size': 16 * 1024,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  const handlers = DISCOVERY_METHODS.map(({ variant, definition }) => [
    definition.path,
    (call: RawStream) => onStream(call, variant),
  ]);
  server.addService(DISCOVERY_SERVICE, Object.fromEntries(handlers));
  return server;
}

/** Newest snapshot to every stream, a chunk per turn of the loop; what is published meanwhile overtakes it. */
function fanOut(
  streams: ReadonlyMap<StreamSession, string>,
  publisher: FleetPublisher | undefined,
  clock: Clock,
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
    if (at < waiting.length) setImmediate(turn, at);
  };
  turn(0);
}

function createFeeding(
  traffic: TrafficFeed,
  publishers: ReadonlyMap<string, FleetPublisher>,
  sessions: ReadonlyMap<string, ReadonlyMap<StreamSession, string>>,
  clock: Clock,
  logger: Logger,
) {
  let timer: Timer | null = null;
  let stopped = false;
  let following: { stop(): Promise<void> } | null = null;
  let _attempt: Promise<void> | null = null;
  const refreshAll = () => Promise.all([...publishers.values()].map((publisher) => publisher.refresh()));
  const refresh = (fleets: readonly string[]) => {
    for (const fleet of fleets) void publishers.get(fleet)?.refresh();
  };
  /** Polling alone keeps the fleet right; following makes it fast. So a failure here is only tried again. */
  const follow = async () => {
    try {
      const handle = await traffic.follow(refresh);
      if (stopped) await handle.stop();
      else following = handle;
    } catch (cause) {
      logger.warn('change stream not followed, polling instead', { cause: String(cause) });
    } finally {
      _attempt = null;
    }
  };
  const poll = () => {
    if (stopped) return;
    if (following === null) _attempt ??= follow();
    void refreshAll();
    for (const streams of sessions.values()) for (const session of streams.keys()) session.flush(clock.monotonicMs());
    timer = clock.setTimer(POLL_MS, poll);
  };
  return {
    async start() {
      _attempt = follow();
      await refreshAll();
      if (!stopped) timer = clock.setTimer(POLL_MS, poll);
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      await following?.stop();
      following = null;
    },
  };
}

function historyOf(publishers: ReadonlyMap<string, FleetPublisher>): TrafficHistory {
  return {
    newest: (fleet) => publishers.get(fleet)?.table() ?? null,
    ofVersion: (fleet, type, version) => publishers.get(fleet)?.history.ofVersion(type, version) ?? null,
    ofPosition: (fleet, type, position, nodeId) =>
      publishers.get(fleet)?.history.ofPosition(type, position, nodeId) ?? null,
  };
}

/** Behind a store that went back, an old ACK of a higher number is no ACK of a new decision. */
function seen(state: FleetState, publisher: FleetPublisher | undefined): FleetState {
  if (publisher?.regressed() !== true) return state;
  return { ...state, nodes: state.nodes.map((node) => ({ ...node, credited: null })) };
}

function refusals(publishers: Iterable<FleetPublisher>): ReadonlyMap<string, Refusal> {
  const refused = new Map<string, Refusal>();
  for (const publisher of publishers) {
    const refusal = publisher.refusal();
    if (refusal !== null) refused.set(publisher.fleet, refusal);
  }
  return refused;
}

function credentialsOf({ tls }: XdsServerOptions): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  const keys = [{ private_key: tls.privateKey, cert_chain: tls.certificate }];
  // Without a certificate of ours nobody gets a fleet's routes.
  return ServerCredentials.createSsl(tls.clientCa, keys, true);
}

function shutDown(server: Server, clock: Clock, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(deadlineMs, () => {
      server.forceShutdown();
      resolve();
    });
    server.tryShutdown(() => {
      timer.cancel();
      resolve();
    });
  });
}
