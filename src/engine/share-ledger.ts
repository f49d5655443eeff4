import { type FleetLedgers, SELF } from '../core/fleet/fleet-ledgers.ts';
import { CHUNK, encodeChunk, encodeProgress } from '../core/fleet/ledger-codec.ts';
import type { LedgerStream } from '../core/fleet/ledger-stream.ts';
import type { Clock, Timer } from './ports/clock.ts';
import type { LedgerPart, LedgerStore } from './ports/ledger.ts';
import type { Logger } from './ports/logger.ts';
import { createLedgerReader } from './read-ledger.ts';

export interface SharedLedger {
  /** Joins and reads once. A store that does not answer delays it by its deadlines; the rest follows by itself. */
  start(): Promise<void>;
  /** Says the last: streams that have not ended by then count until the lease ends. */
  stop(): Promise<void>;
}

export interface ShareLedgerOptions {
  readonly ledgers: FleetLedgers;
  readonly store: LedgerStore;
  /** A name that was never used before, each time. */
  readonly newName: () => string;
  /** Fleets whose credits are worth nothing, since the store has gone back behind them. */
  readonly regressed: (fleet: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Renewal of the lease, and backstop for lost hints. */
const TICK_MS = 1_000;
/** Least time from one write to the next: many ACKs of one push make few writes. */
const GATHER_MS = 25;
/** The same while nobody else is there to read it. */
const ALONE_GATHER_MS = 250;
/** What only people look at may wait longer. */
const NOTED_MS = 250;

/**
 * Shares what this replica's Envoys say with all other replicas, and theirs with this one: one write for many ACKs, at
 * once for the first. A replica that has lost its lease speaks under a new name, and not before it has had a turn to
 * hear which of its streams have ended meanwhile.
 */
export function shareLedger(options: ShareLedgerOptions): SharedLedger {
  const { ledgers, store, clock, logger } = options;
  const reader = createLedgerReader({ ledgers, store, clock, logger, self: () => name });
  let name: string | null = null;
  let sequence = 0;
  let stopped = false;
  let writing: Promise<void> | null = null;
  let again = false;
  let wroteAtMs = Number.NEGATIVE_INFINITY;
  let flushTimer: { readonly timer: Timer; readonly atMs: number } | null = null;
  let tickTimer: Timer | null = null;
  /** By fleet: parts of the membership to be written. */
  const members = new Map<string, Set<number>>();
  /** By fleet: the progress that the store has; `null`: not known. */
  const written = new Map<string, string | null>();

  const schedule = (inMs: number) => {
    const atMs = clock.monotonicMs() + inMs;
    if (stopped || (flushTimer !== null && flushTimer.atMs <= atMs)) return;
    flushTimer?.timer.cancel();
    const timer = clock.setTimer(inMs, () => {
      flushTimer = null;
      void flush();
    });
    flushTimer = { timer, atMs };
  };

  const unwatch = ledgers.watch((fleet, change) => {
    if (typeof change === 'object') markMember(members, fleet, Math.floor(change.slot / CHUNK));
    if (change === 'noted') return schedule(NOTED_MS);
    const gatherMs = reader.alone() ? ALONE_GATHER_MS : GATHER_MS;
    schedule(Math.max(0, wroteAtMs + gatherMs - clock.monotonicMs()));
  });

  const flush = (): Promise<void> => {
    again = true;
    writing ??= writeAll();
    return writing;
  };
  const writeAll = async () => {
    try {
      while (again && !stopped) {
        again = false;
        await write();
      }
    } finally {
      writing = null;
    }
  };

  const write = async () => {
    if (name === null) return;
    const parts: LedgerPart[] = [];
    const chunks = [...members];
    members.clear();
    for (const [fleet, dirty] of chunks) {
      const streams = ledgers.of(fleet).streams(SELF);
      for (const chunk of dirty) parts.push({ fleet, part: `members/${chunk}`, text: encodeChunk(streams, chunk) });
    }
    const progress = new Map<string, string>();
    for (const fleet of ledgers.names()) {
      const streams: ReadonlyMap<number, LedgerStream> = options.regressed(fleet)
        ? new Map()
        : ledgers.of(fleet).streams(SELF);
      const text = encodeProgress(streams);
      if (text !== (written.has(fleet) ? written.get(fleet) : '[]')) progress.set(fleet, text);
    }
    for (const [fleet, text] of progress) parts.push({ fleet, part: 'progress', text });
    sequence += 1;
    wroteAtMs = clock.monotonicMs();
    const outcome = await store.write(name, sequence, parts);
    if (outcome.kind === 'ok' && outcome.value === 'written') {
      for (const [fleet, text] of progress) written.set(fleet, text);
      return;
    }
    // What may not have been written is written again with the next tick.
    for (const [fleet, dirty] of chunks) for (const chunk of dirty) markMember(members, fleet, chunk);
    for (const fleet of progress.keys()) written.set(fleet, null);
    if (outcome.kind === 'ok') {
      logger.warn('this replica has lost its place in the ledger and takes a new one', { replica: name });
      name = null;
    }
  };

  const join = async () => {
    const fresh = options.newName();
    const outcome = await store.join(fresh);
    if (outcome.kind !== 'ok' || outcome.value !== 'joined') return;
    sequence = 0;
    written.clear();
    for (const fleet of ledgers.names()) {
      for (const slot of ledgers.of(fleet).streams(SELF).keys()) markMember(members, fleet, Math.floor(slot / CHUNK));
    }
    name = fresh;
    ledgers.selfName = fresh;
  };

  const tick = async () => {
    const startedMs = clock.monotonicMs();
    if (name === null && writing === null) await join();
    await flush();
    await reader.read();
    if (stopped) return;
    tickTimer = clock.setTimer(Math.max(0, startedMs + TICK_MS - clock.monotonicMs()), () => void tick());
  };

  let following: { stop(): void } | null = null;
  return {
    async start() {
      ledgers.complete = () => name !== null && reader.complete();
      following = store.follow((replica) => {
        if (replica !== name) void reader.read();
      });
      await tick();
    },
    async stop() {
      if (!stopped && name !== null) await flush();
      stopped = true;
      unwatch();
      tickTimer?.cancel();
      flushTimer?.timer.cancel();
      following?.stop();
      await writing;
      reader.stop();
      name = null;
    },
  };
}

function markMember(members: Map<string, Set<number>>, fleet: string, chunk: number): void {
  const dirty = members.get(fleet) ?? new Set<number>();
  members.set(fleet, dirty.add(chunk));
}
