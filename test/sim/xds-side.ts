import { ClientDirectory } from '../../src/adapters/xds/client-streams.ts';
import type { DiscoveryResponse } from '../../src/adapters/xds/codec.ts';
import { createFleetPublisher, type FleetPublisher } from '../../src/adapters/xds/fleet-publisher.ts';
import { createResponseCache } from '../../src/adapters/xds/response-cache.ts';
import type { Snapshot } from '../../src/adapters/xds/snapshot.ts';
import { enterStream } from '../../src/adapters/xds/stream-entry.ts';
import { type StreamRequest, StreamSession } from '../../src/adapters/xds/stream-session.ts';
import { DEFAULT_LIMITS } from '../../src/adapters/xds/xds-limits.ts';
import type { XdsType } from '../../src/adapters/xds/xds-types.ts';
import type { FleetLedgers } from '../../src/core/fleet/fleet-ledgers.ts';
import type { Clock } from '../../src/engine/ports/clock.ts';
import type { FleetView } from '../../src/engine/ports/fleet-view.ts';
import type { TrafficFeed } from '../../src/engine/ports/store.ts';
import { quiet } from '../support/quiet-logger.ts';
import { responseOf, simCodec } from './sim-codec.ts';

/** A stream as the server holds it. */
export interface ServerStream {
  receive(type: XdsType, request: StreamRequest): void;
  end(): void;
}

export interface XdsSide {
  readonly view: FleetView;
  regressed(): boolean;
  /** The newest fleet revision that it has read. */
  readN(): number;
  start(): Promise<void>;
  open(nodeId: string, toEnvoy: (response: DiscoveryResponse) => void): ServerStream;
}

export interface XdsSideOptions {
  readonly fleet: string;
  readonly traffic: TrafficFeed;
  readonly ledgers: FleetLedgers;
  readonly clock: Clock;
  /** Every response, at the moment it is written. */
  readonly onSent: (nodeId: string, response: DiscoveryResponse, snapshot: Snapshot) => void;
}

const POLL_MS = 1_000;

/** The xDS server without its sockets: the real publisher, sessions and ledger entries, wired as `xds-server.ts` does. */
export function xdsSide({ fleet, traffic, ledgers, clock, onSent }: XdsSideOptions): XdsSide {
  const sessions = new Map<StreamSession, string>();
  const clients = new ClientDirectory();
  const cache = createResponseCache(simCodec);
  const publisher: FleetPublisher = createFleetPublisher({
    fleet,
    traffic,
    codec: simCodec,
    clock,
    logger: quiet,
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
    readN: () => publisher.table()?.position.n ?? 0,
    async start() {
      void traffic.follow(() => void publisher.refresh());
      await publisher.refresh();
      clock.setTimer(POLL_MS, poll);
    },
    open(nodeId, toEnvoy) {
      const identity = { fleet, nodeId, metricsName: nodeId, envoyVersion: '1.40.0' };
      const variant = { protocol: 'sotw', only: null } as const;
      const entry = enterStream(ledgers, identity, variant, () => clock.now());
      const client = clients.of(identity);
      let open = true;
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
            if (snapshot !== null) onSent(nodeId, response, snapshot);
            toEnvoy(response);
            return true;
          },
          // Each response is answered or its stream broken before so many gather.
          overdue: () => undefined,
          credited: (credit) => entry.credited(credit),
          asked: (type) => entry.asked(type),
          sent: (type, version) => entry.sent(type, version),
          acked: (type, version) => entry.acked(type, version),
          nacked: (type, position, message, refused) =>
            entry.nacked(type, { position, ...refused, message, atMs: clock.now() }),
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
