import type { FleetLedgers } from '../core/fleet/fleet-ledgers.ts';
import { decodeChunk, decodeProgress, equallyFar } from '../core/fleet/ledger-codec.ts';
import { type LedgerStream, type StreamIdentity, type StreamProgress, startOf } from '../core/fleet/ledger-stream.ts';
import type { Clock } from './ports/clock.ts';
import type { LedgerPart, LedgerStore, ReplicaLedger } from './ports/ledger.ts';
import type { Logger } from './ports/logger.ts';

export interface LedgerReader {
  /** Reads what is new. Calls while one runs are merged into one more run. */
  read(): Promise<void>;
  /** Is the view of the other replicas recent, and could all of it be read? */
  complete(): boolean;
  /** As of the last reading: is there no other replica? */
  alone(): boolean;
  stop(): void;
}

/** A view that is older says nothing about now. */
const MAX_AGE_MS = 3_000;
/** A replica that has said nothing for so long gives way where its Envoys have gone elsewhere. */
const SILENT_MS = 3_000;
/** After an outage the others get so long to join again, before anything may count without them. */
const SETTLE_MS = 3_000;

interface Other {
  sequence: number;
  /** When its lease ends, by what was read last. */
  endsAtMs: number;
  fresh: boolean;
  readonly fleets: Map<string, OtherFleet>;
}
interface OtherFleet {
  readonly members: Map<number, ReadonlyMap<number, StreamIdentity>>;
  progress: ReadonlyMap<number, StreamProgress>;
  streams: ReadonlyMap<number, LedgerStream>;
}

/** Brings what other replicas say into this one's ledgers. */
export function createLedgerReader(options: {
  readonly ledgers: FleetLedgers;
  readonly store: LedgerStore;
  readonly self: () => string | null;
  readonly clock: Clock;
  readonly logger: Logger;
}): LedgerReader {
  const { ledgers, store, clock, logger } = options;
  const others = new Map<string, Other>();
  let reading: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  /** As of when all that was said is known; monotonic. */
  let asOfMs = Number.NEGATIVE_INFINITY;
  let settledMs = Number.NEGATIVE_INFINITY;
  let toldComplete = false;
  let problem: string | null = 'not read yet';

  const readOnce = async () => {
    const askedMs = clock.monotonicMs();
    const self = options.self();
    const known = new Map([...others].map(([replica, { sequence }]) => [replica, sequence]));
    // Own words are known better here.
    if (self !== null) known.set(self, Number.MAX_SAFE_INTEGER);
    const answer = await store.read(known);
    if (stopped) return;
    if (answer.kind !== 'ok') return complain(answer.detail);
    // Nobody could renew a lease meanwhile: who is missing now may never have been away.
    const outage = asOfMs !== Number.NEGATIVE_INFINITY && askedMs - asOfMs > MAX_AGE_MS;
    if (outage) settledMs = clock.monotonicMs() + SETTLE_MS;
    const changed = new Set<string>();
    const troubles = [
      ...answer.value.filter(({ replica }) => replica !== self).map((said) => hear(said, changed)),
      ...silence(new Set(answer.value.map(({ replica }) => replica)), outage, changed),
    ].filter((trouble) => trouble !== null);
    // Who has lost its own lease was not running: first it has to hear what its own streams have to say.
    if (self !== null && !answer.value.some(({ replica }) => replica === self)) troubles.push('not in the ledger');
    asOfMs = askedMs;
    complain(troubles[0] ?? null);
    if (complete() !== toldComplete) for (const fleet of ledgers.names()) changed.add(fleet);
    toldComplete = complete();
    for (const fleet of changed) ledgers.touched(fleet);
  };

  /** Takes in what one replica says; returns what is wrong with it. */
  const hear = ({ replica, silentMs, sequence, parts }: ReplicaLedger, changed: Set<string>): string | null => {
    const nowMs = clock.now();
    const other = others.get(replica) ?? { sequence: -1, endsAtMs: 0, fresh: true, fleets: new Map() };
    others.set(replica, other);
    other.endsAtMs = nowMs - silentMs + store.leaseMs;
    const touched = new Set<string>();
    for (const part of parts) {
      const trouble = takeIn(other, part);
      // Read again the next time, whole.
      if (trouble !== null) return `${replica}, ${part.fleet} ${part.part}: ${trouble}`;
      touched.add(part.fleet);
    }
    other.sequence = sequence;
    for (const fleet of touched) {
      const said = fleetOf(other, fleet);
      said.streams = streamsOf(said);
      if (ledgers.of(fleet).sync(replica, said.streams, nowMs)) changed.add(fleet);
    }
    other.fresh = silentMs < SILENT_MS;
    for (const fleet of other.fleets.keys()) {
      if (ledgers.of(fleet).setFresh(replica, other.fresh, nowMs)) changed.add(fleet);
    }
    return null;
  };

  /** Replicas that are not there any more. */
  const silence = (live: ReadonlySet<string>, outage: boolean, changed: Set<string>): (string | null)[] =>
    [...others].map(([replica, other]) => {
      if (live.has(replica)) return null;
      const nowMs = clock.now();
      const holds = [...other.fleets.values()].some(({ streams }) => streams.size > 0);
      // Leases end when they end: this one has been forgotten before its time, by a store that lost data.
      if (holds && nowMs < other.endsAtMs) return `${replica} is missing before its lease has ended`;
      for (const fleet of other.fleets.keys()) {
        // After an outage nothing is known of the time before: its Envoys count as gone from now on.
        const atMs = outage ? nowMs : Math.min(nowMs, other.endsAtMs);
        if (ledgers.of(fleet).drop(replica, atMs)) changed.add(fleet);
      }
      others.delete(replica);
      return null;
    });

  const complain = (detail: string | null) => {
    if (detail !== null && problem !== detail) logger.warn('what other replicas know cannot be read', { detail });
    problem = detail;
  };
  const complete = () => {
    const nowMs = clock.monotonicMs();
    return problem === null && nowMs - asOfMs <= MAX_AGE_MS && nowMs >= settledMs;
  };

  const run = async () => {
    try {
      while (again && !stopped) {
        again = false;
        await readOnce();
      }
    } catch (cause) {
      problem = 'a bug';
      logger.error('the ledger could not be read, a bug', { cause: String(cause) });
    } finally {
      reading = null;
    }
  };
  return {
    complete,
    alone: () => others.size === 0,
    read() {
      again = true;
      if (stopped) return Promise.resolve();
      reading ??= run();
      return reading;
    },
    stop: () => {
      stopped = true;
    },
  };
}

function fleetOf(other: Other, fleet: string): OtherFleet {
  const known = other.fleets.get(fleet) ?? { members: new Map(), progress: new Map(), streams: new Map() };
  other.fleets.set(fleet, known);
  return known;
}

function takeIn(other: Other, { fleet, part, text }: LedgerPart): string | null {
  const said = fleetOf(other, fleet);
  if (part === 'progress') {
    const progress = decodeProgress(text);
    if (progress.kind === 'bad') return progress.detail;
    said.progress = progress.value;
    return null;
  }
  const chunk = Number(/^members\/(\d{1,4})$/.exec(part)?.[1] ?? Number.NaN);
  // A newer replica may have more to say.
  if (Number.isNaN(chunk)) return null;
  const members = decodeChunk(text, chunk);
  if (members.kind === 'bad') return members.detail;
  said.members.set(chunk, members.value);
  return null;
}

/** A stream that said the same before stays the same object, so nothing is looked at twice; its time stays, too. */
function streamsOf({ members, progress, streams }: OtherFleet): ReadonlyMap<number, LedgerStream> {
  const next = new Map<number, LedgerStream>();
  for (const chunk of members.values()) {
    for (const [slot, identity] of chunk) {
      const said = progress.get(slot) ?? startOf(identity.openedAtMs);
      const before = streams.get(slot);
      next.set(
        slot,
        before !== undefined && before.identity === identity && equallyFar(before.progress, said)
          ? before
          : { identity, progress: said },
      );
    }
  }
  return next;
}
