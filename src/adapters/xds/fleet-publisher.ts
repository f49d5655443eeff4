import type { SerinError } from '../../core/model/errors.ts';
import { samePosition } from '../../core/model/position.ts';
import type { FleetTable, Position } from '../../core/model/traffic.ts';
import { buildResources } from '../../core/traffic/build-resources.ts';
import { onlyRaises } from '../../core/traffic/only-raises.ts';
import { raisesTraffic } from '../../core/traffic/raises-traffic.ts';
import { trialResources } from '../../core/traffic/with-trial.ts';
import { inTime } from '../../engine/in-time.ts';
import type { Clock, Timer } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Replication } from '../../engine/ports/replication.ts';
import type { StoreRead, TrafficFeed } from '../../engine/ports/store.ts';
import type { Codec } from './codec.ts';
import { holdRaises } from './hold-raises.ts';
import { buildSnapshot, type Snapshot } from './snapshot.ts';
import { createSnapshotHistory, type SnapshotHistory } from './snapshot-history.ts';

const READ_DEADLINE_MS = 2_000;
/** However much was sent before, a step comes within this time. */
const MAX_RAISE_WAIT_MS = 10_000;

const NOWHERE: Position = { epoch: '', n: 0 };

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
  /** Encodes the table that was read first, unless somebody has asked for it already. */
  prepare(): void;
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
  /** What still waits is not sent any more. */
  stop(): void;
  /** The overlay has changed: publishes the last good table anew, also of a store that does not answer or is frozen. */
  republish(): void;
  /** Under which fleet revision Envoys are given what they are given now; `null`: nothing yet. */
  given(): Position | null;
}

/**
 * From the store to snapshots, for one fleet. The last good snapshot stays through every outage: an engine that
 * cannot read its store leaves the Envoys as they are.
 */
export function createFleetPublisher(options: {
  readonly fleet: string;
  readonly traffic: TrafficFeed;
  readonly replication: Replication | null;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly publish: () => void;
  /** How long a table that only gives canaries more has to wait now, ms. @default 0, always */
  readonly raiseWaitMs?: () => number;
  /** What this replica alone knows better than the table; the very same table where it knows nothing. */
  readonly overlay?: (table: FleetTable) => FleetTable;
}): FleetPublisher {
  const { fleet, traffic, replication, codec, clock, publish, overlay = (same) => same } = options;
  const logger = options.logger.child({ fleet });
  let table: FleetTable | null = null;
  let published: FleetTable | null = null;
  /** What was published, as the store has it. */
  let base: FleetTable | null = null;
  let overlays = 0;
  let snapshot: Snapshot | null = null;
  /** What the one node gets that tries a change out. */
  let tried: { readonly probe: string; readonly snapshot: Snapshot } | null = null;
  /** The trial that was last said to be unservable. */
  let unservable: string | null = null;
  /** The first table is encoded when it is asked for: a start does not wait for what no Envoy wants yet. */
  let unprepared: (() => () => void) | null = null;
  const prepare = () => {
    const encode = unprepared;
    unprepared = null;
    try {
      encode?.()();
    } catch (cause) {
      bug(cause);
    }
  };
  const bug = (cause: unknown) =>
    logger.error('fleet table could not be turned into a snapshot, a bug', { cause: String(cause) });
  const history = createSnapshotHistory();
  let refusal: Refusal | null = null;
  let regressed = false;
  /** The store says so itself, and so it says when that is over. */
  let frozen = false;
  let sequence = 0;
  let readable = true;
  let running: Promise<void> | null = null;
  let again = false;

  /** Runs while the newest table waits. */
  let raise: Timer | null = null;
  const holding =
    replication === null ? null : holdRaises({ replication, logger, release: (held) => accept(held, false, true) });

  /** `atOnce`: an Envoy waits that may have got this very table from another replica. `confirmed`: a Redis replica has it. */
  const accept = (next: FleetTable, atOnce: boolean, confirmed = false) => {
    const sameEpoch = table !== null && next.position.epoch === table.position.epoch;
    // Frozen, and now read in the same epoch: what it had lost was written again.
    const writtenAgain = frozen && table !== null && next.position.n >= table.position.n;
    if (table !== null && sameEpoch && !writtenAgain && (regressed || next.position.n < table.position.n)) {
      return freeze(`the store has lost fleet revisions (it was at ${table.position.n}, then at ${next.position.n})`);
    }
    // A person has decided, or nothing was sent before.
    if (regressed) {
      logger.info('the store may be used again', { epoch: next.position.epoch });
      regressed = false;
      frozen = false;
      refusal = null;
    }
    const obstacle = table === null ? null : staleness(table, next);
    if (obstacle === 'same') {
      // Back to a table that was fine: what was refused in between is over.
      if (refusal !== null && table !== null && !samePosition(refusal.position, table.position)) refusal = null;
      if (atOnce && raise !== null) serveTable(next);
      return;
    }
    if (obstacle !== null) {
      if (refusal === null) logger.error('fleet table refused, the last good one stays', { reason: obstacle });
      refusal = { position: next.position, errors: [{ code: 'SERIN_INTERNAL', message: obstacle }] };
      return;
    }
    if (!confirmed && holding !== null && base !== null && sameEpoch && raisesTraffic(base, next)) {
      return holding.hold(next);
    }
    holding?.overtaken(next.position);
    table = next;
    const mayWait = !atOnce && refusal === null && base !== null && onlyRaises(base, next);
    const waitMs = mayWait ? Math.min(MAX_RAISE_WAIT_MS, options.raiseWaitMs?.() ?? 0) : 0;
    if (waitMs > 0) raise ??= clock.setTimer(waitMs, serveNewest);
    else serveTable(next);
  };

  /** What came while a raise waited goes out with it, as one. */
  const serveNewest = () => {
    if (table === null || regressed) return;
    try {
      serveTable(table);
    } catch (cause) {
      bug(cause);
    }
  };

  const serveTable = (next: FleetTable): boolean => {
    const served = serve(next);
    if (served) refusal = null;
    return served;
  };

  const serve = (next: FleetTable): boolean => {
    raise?.cancel();
    raise = null;
    const told = overlay(next);
    const built = buildResources(told);
    if (built.kind === 'error') {
      refusal = { position: next.position, errors: built.errors };
      logger.error('fleet table refused, the last good one stays', reasons(next.position, built.errors));
      return false;
    }
    const trial = trialResources(told);
    if (trial?.kind === 'error' && told.trial !== null && unservable !== `${told.trial.by} ${told.trial.n}`) {
      unservable = `${told.trial.by} ${told.trial.n}`;
      const { by } = told.trial;
      logger.error('trial refused, its node gets what all get', { by, ...reasons(next.position, trial.errors) });
    }
    // What stays the same is recognised by the snapshot before.
    prepare();
    const first = published === null;
    published = told;
    base = next;
    const position = told === next ? next.position : unlike(next.position);
    const encode = () => {
      sequence += 1;
      const all = buildSnapshot(built.value, position, sequence, codec, snapshot);
      snapshot = all;
      tried = null;
      if (trial?.kind !== 'ok' || told.trial === null) return () => history.record(all, built.value, null);
      sequence += 1;
      const own = { ...buildSnapshot(trial.value, position, sequence, codec, all), trial: told.trial.by };
      const { probe } = told.trial;
      tried = { probe, snapshot: own };
      return () => {
        history.record(all, built.value, null);
        history.record(own, trial.value, probe);
      };
    };
    if (first) {
      unprepared = encode;
      publish();
      return true;
    }
    const record = encode();
    publish();
    // Afterwards: nobody waits for it.
    record();
    return true;
  };

  /** What is not the table must not be credited as the table: no step is live where its weights are not. */
  const unlike = ({ epoch }: Position): Position => {
    overlays += 1;
    return { epoch: `${epoch}~${overlays}`, n: 0 };
  };

  const freeze = (message: string) => {
    if (regressed) return;
    logger.error('the store is not what it was; nothing is sent any more', { detail: message });
    const position = table?.position ?? NOWHERE;
    refusal = { position, errors: [{ code: 'SERIN_STORE_REGRESSED', message }] };
    regressed = true;
  };

  let waiting: (() => void)[] = [];

  const readOnce = async () => {
    const asked = waiting;
    waiting = [];
    const read = await answered(traffic.table(fleet), clock);
    if (read.kind === 'ok') {
      if (!readable) logger.info('fleet table readable again');
      readable = true;
      try {
        accept(read.value, asked.length > 0);
      } finally {
        for (const told of asked) told();
      }
      return;
    }
    waiting.unshift(...asked);
    if (read.kind === 'unavailable' && read.frozen === true) {
      frozen = true;
      return freeze(read.detail);
    }
    // Half of it would be another table: the last good one stays.
    if (read.kind === 'unavailable' && read.newer === true) {
      // What a person has to decide first is what they are told.
      if (!regressed) refusal = { position: NOWHERE, errors: [{ code: 'SERIN_SCHEMA_NEWER', message: read.detail }] };
      return;
    }
    if (readable) logger.warn('fleet table unreadable, the last good one stays', { detail: read.detail });
    readable = false;
  };

  const run = async () => {
    do {
      again = false;
      try {
        await readOnce();
      } catch (cause) {
        bug(cause);
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
    snapshot: (nodeId) => {
      prepare();
      return tried?.probe === nodeId ? tried.snapshot : snapshot;
    },
    get history() {
      prepare();
      return history;
    },
    prepare,
    table: () => table,
    running: () => published,
    loaded: () => published !== null,
    refusal: () => refusal,
    regressed: () => regressed,
    whenRead(told) {
      waiting.push(told);
      void refresh();
    },
    refresh,
    stop: () => raise?.cancel(),
    republish() {
      // A table that waits goes along, or nobody would send it any more.
      if (raise !== null && table !== null && !regressed && serveTable(table)) return;
      if (base !== null) serve(base);
    },
    given: () => snapshot?.position ?? null,
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

/** Whatever keeps an answer away is an outage of the store. */
function answered<T>(read: Promise<StoreRead<T>>, clock: Clock): Promise<StoreRead<T>> {
  const outage = (detail: string): StoreRead<T> => ({ kind: 'unavailable', detail });
  const settled = read.catch((cause: unknown) => outage(`read failed: ${String(cause)}`));
  return inTime(clock, settled, READ_DEADLINE_MS, () => outage(`no answer within ${READ_DEADLINE_MS} ms`));
}
