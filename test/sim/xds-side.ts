import { ClientDirectory } from '../../src/adapters/xds/client-streams.ts';
import type { DiscoveryResponse } from '../../src/adapters/xds/codec.ts';
import { createFleetPublisher, type FleetPublisher } from '../../src/adapters/xds/fleet-publisher.ts';
import { nackMessage } from '../../src/adapters/xds/nack-message.ts';
import { createResponseCache } from '../../src/adapters/xds/response-cache.ts';
import type { Snapshot } from '../../src/adapters/xds/snapshot.ts';
import { enterStream } from '../../src/adapters/xds/stream-entry.ts';
import { type StreamRequest, StreamSession, type StreamVariant } from '../../src/adapters/xds/stream-session.ts';
import { DEFAULT_LIMITS } from '../../src/adapters/xds/xds-limits.ts';
import type { XdsType } from '../../src/adapters/xds/xds-types.ts';
import type { FleetLedgers } from '../../src/core/fleet/fleet-ledgers.ts';
import type { FleetTable } from '../../src/core/model/traffic.ts';
import type { Clock } from '../../src/engine/ports/clock.ts';
import type { FleetView } from '../../src/engine/ports/fleet-view.ts';
import type { Logger } from '../../src/engine/ports/logger.ts';
import type { TrafficFeed } from '../../src/engine/ports/store.ts';
import { responseOf, simCodec } from './sim-codec.ts';

/** A stream as the server holds it. */
export interface ServerStream {
  receive(type: XdsType, request: StreamRequest): void;
  end(): void;
}

export interface XdsSide {
  readonly view: FleetView;
  regressed(): boolean;
  /** The newest table that it has read; `null`: none yet. */
  running(): FleetTable | null;
  start(): Promise<void>;
  open(nodeId: string, variant: StreamVariant, toEnvoy: (response: DiscoveryResponse) => void): ServerStream;
}

/** A response as it is written. */
export interface Sent {
  readonly response: DiscoveryResponse;
  readonly snapshot: Snapshot;
  /** For how long the one before it on this stream has not been answered, ms; `null`: it was, or there was none. */
  readonly unansweredMs: number | null;
}

export interface XdsSideOptions {
  readonly fleet: string;
  readonly traffic: TrafficFeed;
  readonly ledgers: FleetLedgers;
  readonly clock: Clock;
  /** Every response, at the moment it is written. */
  readonly onSent: (nodeId: string, sent: Sent) => void;
  readonly logger: Logger;
}

const POLL_MS = 1_000;

/** The xDS server without its sockets: the real publisher, sessions and ledger entries, wired as `xds-server.ts` does. */
export function xdsSide({ fleet, traffic, ledgers, clock, onSent, logger }: XdsSideOptions): XdsSide {
  const sessions = new Map<StreamSession, string>();
  const clients = new ClientDirectory();
  const cache = createResponseCache(simCodec);
  const publisher: FleetPublisher = createFleetPublisher({
    replication: null,
    fleet,
    traffic,
    codec: simCodec,
    clock,
    logger,
    publish: () => {
      for (const [session, nodeId] of [...sessions]) {
        const snapshot = publisher.snapshot(nodeId);
        if (snapshot !== null && sessions.has(session)) session.update(snapshot, clock.monotonicMs());
      }
    },
  });
  const poll = () => {
    void publisher.refresh();
    for (const session of sessions.keys()) session.flush(clock.monotonicMs());
    clock.setTimer(POLL_MS, poll);
  };
  return {
    view: {
      state: (name) => {
        const state = ledgers.state(name);
        if (!publisher.regressed()) return state;
        return { ...state, nodes: state.nodes.map((node) => ({ ...node, credited: null, routes: null })) };
      },
      onProgress: (listener) => ledgers.onProgress(listener),
    },
    regressed: () => publisher.regressed(),
    running: () => publisher.table(),
    async start() {
      void traffic.follow(() => void publisher.refresh());
      await publisher.refresh();
      clock.setTimer(POLL_MS, poll);
    },
    open(nodeId, variant, toEnvoy) {
      const identity = { fleet, nodeId, metricsName: nodeId, envoyVersion: '1.40.0' };
      const entry = enterStream(ledgers, identity, variant, () => clock.now());
      const client = clients.of(identity);
      let open = true;
      const unanswered = unansweredOf(() => clock.monotonicMs());
      const session: StreamSession = new StreamSession({
        variant,
        codec: simCodec,
        cache,
        client,
        stuckAfterMs: DEFAULT_LIMITS.stuckAfterMs,
        events: {
          write: (bytes) => {
            const response = responseOf(bytes);
            const snapshot = publisher.snapshot(nodeId);
            if (snapshot !== null) onSent(nodeId, { response, snapshot, unansweredMs: unanswered.write(response) });
            toEnvoy(response);
            return true;
          },
          // Each response is answered or its stream broken before so many gather.
          overdue: () => undefined,
          credited: (credit) => entry.credited(credit),
          asked: (type) => entry.asked(type),
          sent: (type, version) => entry.sent(type, version),
          acked: (type, version) => entry.acked(type, version),
          nacked: (type, position, message, refused) => {
            const reason = nackMessage(message);
            logger.warn('Envoy refused a response', { type, n: position.n, reason });
            entry.nacked(type, { position, ...refused, message: reason, atMs: clock.now() });
          },
        },
      });
      client.join(session);
      const serve = (): void => {
        if (!open) return;
        sessions.set(session, nodeId);
        const snapshot = publisher.snapshot(nodeId);
        if (snapshot !== null) session.update(snapshot, clock.monotonicMs());
      };
      let begun = false;
      return {
        receive: (type, request) => {
          if (!open) return;
          if (!begun) {
            begun = true;
            if (request.returning) publisher.whenRead(serve);
            else serve();
          }
          unanswered.answer(type, request.nonce);
          session.receive(type, request, clock.monotonicMs());
        },
        end: () => {
          if (!open) return;
          open = false;
          sessions.delete(session);
          client.leave(session);
          entry.closed();
        },
      };
    },
  };
}

/** By type: what of a stream waits for its answer. Kept beside the session, which decides by what it knows itself. */
function unansweredOf(nowMs: () => number) {
  const last = new Map<XdsType, { readonly nonce: string; readonly atMs: number }>();
  return {
    /** @returns for how long the one before has waited */
    write: ({ type, nonce }: DiscoveryResponse): number | null => {
      const before = last.get(type);
      last.set(type, { nonce, atMs: nowMs() });
      return before === undefined ? null : nowMs() - before.atMs;
    },
    answer: (type: XdsType, nonce: string): void => {
      if (last.get(type)?.nonce === nonce) last.delete(type);
    },
  };
}
