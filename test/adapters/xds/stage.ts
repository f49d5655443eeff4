import type { XdsLimits } from '../../../src/adapters/xds/xds-limits.ts';
import { createXdsServer, type XdsServer } from '../../../src/adapters/xds/xds-server.ts';
import type { FleetState } from '../../../src/core/model/fleet-state.ts';
import type { FleetTable } from '../../../src/core/model/traffic.ts';
import type { Logger } from '../../../src/engine/ports/logger.ts';
import type { Replication } from '../../../src/engine/ports/replication.ts';
import type { StoreRead, TrafficFeed } from '../../../src/engine/ports/store.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';

/** A feed whose one table the test sets. */
export interface FakeFeed extends TrafficFeed {
  set(table: FleetTable): void;
  /** Reads fail with this from now on; `null`: they work again. */
  fail(with_: 'unavailable' | 'hang' | null): void;
  /** Reads say that the store must not be used, and why; `null`: it may again. */
  freeze(detail: string | null): void;
}

export function fakeFeed(initial: FleetTable | null): FakeFeed {
  let table = initial;
  let frozen: string | null = null;
  let failure: 'unavailable' | 'hang' | null = null;
  const followers = new Set<(fleets: readonly string[]) => void>();
  return {
    set(next) {
      table = next;
      for (const follower of followers) follower([next.fleet]);
    },
    fail(with_) {
      failure = with_;
    },
    freeze(detail) {
      frozen = detail;
      for (const follower of followers) follower(['edge']);
    },
    fleets: async () => ({ kind: 'ok', value: ['edge'] }),
    async table(): Promise<StoreRead<FleetTable>> {
      if (frozen !== null) return { kind: 'unavailable', frozen: true, detail: frozen };
      if (failure === 'hang') return await new Promise(() => {});
      if (failure !== null || table === null) return { kind: 'unavailable', detail: 'down' };
      return { kind: 'ok', value: table };
    },
    async follow(onChange) {
      followers.add(onChange);
      return { stop: async () => void followers.delete(onChange) };
    },
  };
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function memoryLogger(lines: LogLine[], bound: Readonly<Record<string, unknown>> = {}): Logger {
  const log =
    (level: string): Logger['info'] =>
    (message, fields = {}) =>
      void lines.push({ level, message, fields: { ...bound, ...fields } });
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (fields) => memoryLogger(lines, { ...bound, ...fields }),
  };
}

export interface Stage {
  readonly server: XdsServer;
  readonly feed: FakeFeed;
  readonly log: LogLine[];
  fleet(): FleetState;
  /** Resolves once the fleet's state satisfies the condition. */
  until(what: string, condition: (state: FleetState) => boolean): Promise<FleetState>;
  stop(): Promise<void>;
}

export async function stage(
  initial: FleetTable | null,
  options: {
    readonly port?: number;
    readonly limits?: Partial<XdsLimits>;
    readonly feed?: FakeFeed;
    readonly overlay?: (table: FleetTable) => FleetTable;
    readonly replication?: Replication;
  } = {},
): Promise<Stage> {
  const feed = options.feed ?? fakeFeed(initial);
  const log: LogLine[] = [];
  const server = createXdsServer({
    host: '127.0.0.1',
    port: options.port ?? 0,
    tls: null,
    traffic: feed,
    replication: options.replication ?? null,
    fleets: [{ name: 'edge', match: { cluster: 'edge' }, nodeFrom: 'metadata.scrape.address' }],
    clock: createSystemClock(),
    logger: memoryLogger(log),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.overlay === undefined ? {} : { overlay: options.overlay }),
  });
  await server.start();
  return {
    server,
    feed,
    log,
    fleet: () => server.view.state('edge'),
    until: (what, condition) => until(server, what, condition),
    stop: () => server.stop(),
  };
}

function until(server: XdsServer, what: string, condition: (state: FleetState) => boolean): Promise<FleetState> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const state = server.view.state('edge');
      if (!condition(state)) return;
      clearTimeout(timer);
      stop();
      resolve(state);
    };
    const stop = server.view.onProgress(look);
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`${what} did not happen: ${JSON.stringify(server.view.state('edge'))}`));
    }, 10_000);
    look();
  });
}
