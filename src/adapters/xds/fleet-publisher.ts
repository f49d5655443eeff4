import type { SerinError } from '../../core/model/errors.ts';
import { samePosition } from '../../core/model/position.ts';
import type { FleetTable, Position } from '../../core/model/traffic.ts';
import { buildResources } from '../../core/traffic/build-resources.ts';
import { trialResources } from '../../core/traffic/with-trial.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { StoreRead, TrafficFeed } from '../../engine/ports/store.ts';
import type { Codec } from './codec.ts';
import { buildSnapshot, type Snapshot } from './snapshot.ts';
import { createSnapshotHistory, type SnapshotHistory } from './snapshot-history.ts';

const READ_DEADLINE_MS = 2_000;

export interface Refusal {
  readonly position: Position;
  readonly errors: readonly SerinError[];
}

export interface FleetPublisher {
  readonly fleet: string;
  /** What this node is told; `null` until the store was read once: until then nothing is sent. */
  snapshot(nodeId: string): Snapshot | null;
  /** What was published lately. */
  readonly history: SnapshotHistory;
  /** The newest table that was read, published or refused; `null`: none yet. */
  table(): FleetTable | null;
  /** The one that Envoys are given now; `null`: none yet. */
  running(): FleetTable | null;
  /** Was the store read at least once? */
  loaded(): boolean;
  /** Why the newest table was not published; the one before stays in force. */
  refusal(): Refusal | null;
  /**
   * Is the store not what it was? Then it may number anew what Envoys have ACKed already, and no ACK says anything any
   * more. It stays so until a person has decided, which begins a new epoch.
   */
  regressed(): boolean;
  /** Calls back once the store has been read by a look that begins now or later: what is told then is not old. */
  whenRead(told: () => void): void;
  /** Reads the store and publishes what is new. Calls while one runs are merged into one more run. */
  refresh(): Promise<void>;
}

/**
 * From the store to snapshots, for one fleet. The last good snapshot stays through every outage: an engine that
 * cannot read its store leaves the Envoys as they are.
 */
export function createFleetPublisher(options: {
  readonly fleet: string;
  readonly traffic: TrafficFeed;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly publish: () => void;
}): FleetPublisher {
  const { fleet, traffic, codec, clock, publish } = options;
  const logger = options.logger.child({ fleet });
  let table: FleetTable | null = null;
  let published: FleetTable | null = null;
  let snapshot: Snapshot | null = null;
  /** What the one node gets that tries a change out. */
  let tried: { readonly probe: string; readonly snapshot: Snapshot } | null = null;
  /** The trial that was last said to be unservable. */
  let unservable: string | null = null;
  const history = createSnapshotHistory();
  let refusal: Refusal | null = null;
  let regressed = false;
  let sequence = 0;
  let readable = true;
  let running: Promise<void> | null = null;
  let again = false;

  const accept = (next: FleetTable) => {
    const sameEpoch = table !== null && next.position.epoch === table.position.epoch;
    if (table !== null && sameEpoch && (regressed || next.position.n < table.position.n)) {
      return freeze(`the store has lost fleet revisions (it was at ${table.position.n}, then at ${next.position.n})`);
    }
    // Another epoch: a person has decided, or nothing was sent before.
    if (regressed) {
      logger.info('the store may be used again', { epoch: next.position.epoch });
      regressed = false;
      refusal = null;
    }
    const obstacle = table === null ? null : staleness(table, next);
    if (obstacle === 'same') {
      // Back to a table that was fine: what was refused in between is over.
      if (refusal !== null && table !== null && !samePosition(refusal.position, table.position)) refusal = null;
      return;
    }
    if (obstacle !== null) {
      if (refusal === null) logger.error('fleet table refused, the last good one stays', { reason: obstacle });
      refusal = { position: next.position, errors: [{ code: 'SERIN_INTERNAL', message: obstacle }] };
      return;
    }
    table = next;
    const built = buildResources(next);
    if (built.kind === 'error') {
      refusal = { position: next.position, errors: built.errors };
      logger.error('fleet table refused, the last good one stays', reasons(next.position, built.errors));
      return;
    }
    const trial = trialResources(next);
    if (trial?.kind === 'error' && next.trial !== null && unservable !== `${next.trial.by} ${next.trial.n}`) {
      unservable = `${next.trial.by} ${next.trial.n}`;
      const { by } = next.trial;
      logger.error('trial refused, its node gets what all get', { by, ...reasons(next.position, trial.errors) });
    }
    refusal = null;
    published = next;
    sequence += 1;
    snapshot = buildSnapshot(built.value, next.position, sequence, codec, snapshot);
    tried = null;
    if (trial?.kind === 'ok' && next.trial !== null) {
      sequence += 1;
      const own = buildSnapshot(trial.value, next.position, sequence, codec, snapshot);
      tried = { probe: next.trial.probe, snapshot: { ...own, trial: next.trial.by } };
    }
    publish();
    // Afterwards: nobody waits for it.
    history.record(snapshot, built.value, null);
    if (tried !== null && trial?.kind === 'ok') history.record(tried.snapshot, trial.value, tried.probe);
  };

  const freeze = (message: string) => {
    if (regressed) return;
    logger.error('the store is not what it was; nothing is sent any more', { detail: message });
    const position = table?.position ?? { epoch: '', n: 0 };
    refusal = { position, errors: [{ code: 'SERIN_STORE_REGRESSED', message }] };
    regressed = true;
  };

  let waiting: (() => void)[] = [];

  const readOnce = async () => {
    const asked = waiting;
    waiting = [];
    const read = await withDeadline(traffic.table(fleet), clock);
    if (read.kind === 'ok') {
      if (!readable) logger.info('fleet table readable again');
      readable = true;
      try {
        accept(read.value);
      } finally {
        for (const told of asked) told();
      }
      return;
    }
    waiting.unshift(...asked);
    if (read.kind === 'unavailable' && read.frozen === true) return freeze(read.detail);
    if (readable) logger.warn('fleet table unreadable, the last good one stays', { detail: read.detail });
    readable = false;
  };

  const run = async () => {
    do {
      again = false;
      try {
        await readOnce();
      } catch (cause) {
        logger.error('fleet table could not be turned into a snapshot, a bug', { cause: String(cause) });
      }
    } while (again);
    running = null;
  };

  const refresh = (): Promise<void> => {
    again = true;
    running ??= run();
    return running;
  };

  return {
    fleet,
    snapshot: (nodeId) => (tried?.probe === nodeId ? tried.snapshot : snapshot),
    history,
    table: () => table,
    running: () => published,
    loaded: () => snapshot !== null,
    refusal: () => refusal,
    regressed: () => regressed,
    whenRead(told) {
      waiting.push(told);
      void refresh();
    },
    refresh,
  };
}

function reasons({ n }: Position, errors: readonly SerinError[]) {
  return { n, errors: errors.slice(0, 10).map(({ message }) => message) };
}

/** Why `next` must not replace `now`; `same`: there is nothing to do. */
function staleness(now: FleetTable, next: FleetTable): string | null {
  if (samePosition(next.position, now.position)) return 'same';
  if (next.position.epoch === now.position.epoch) return null;
  // A store that lost its data answers like a new one. Deleting every cluster of a serving fleet is no answer to that.
  if (now.owners.size > 0 && next.owners.size === 0) return 'the store has a new epoch and no traffic for this fleet';
  return null;
}

async function withDeadline<T>(read: Promise<StoreRead<T>>, clock: Clock): Promise<StoreRead<T>> {
  return await new Promise((resolve) => {
    const timer = clock.setTimer(READ_DEADLINE_MS, () =>
      resolve({ kind: 'unavailable', detail: `no answer within ${READ_DEADLINE_MS} ms` }),
    );
    const settle = (result: StoreRead<T>) => {
      timer.cancel();
      resolve(result);
    };
    read.then(settle, (cause: unknown) => settle({ kind: 'unavailable', detail: `read failed: ${String(cause)}` }));
  });
}
