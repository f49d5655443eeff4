import type { AuditEntry } from '../../core/model/audit.ts';
import type { Phase } from '../../core/model/phase.ts';
import type { Subject } from '../../core/model/subject.ts';
import type { FleetTable, OwnerTraffic, Position, TrafficOwner, Trial } from '../../core/model/traffic.ts';
import type { KeptDecision, RecordedDecision } from '../../core/replay/decision.ts';
import type { Notice, RolloutEvent } from '../../core/rollout/event.ts';

/**
 * `document/Route/shop`, `backend/checkout`, `rollout/<id>`; `judge/<id>`: what the judge of that rollout remembers, at
 * most 16 KiB, and its latest conclusions; `verdicts/<id>`: those before, both gone with it; `breaker/<what>`, of the
 * whole installation; and `fence/<what>`: a record without a body of interest, written by every commit that was decided
 * on a whole list. At most 200 characters of `[A-Za-z0-9._/-]`.
 */
export type RecordKey =
  | `document/${string}/${string}`
  | `backend/${string}`
  | `rollout/${string}`
  | `judge/${string}`
  | `verdicts/${string}`
  | `breaker/${string}`
  | `fence/${string}`;

/** `rev` is 0 for a record that does not exist; each write adds 1. */
export interface StoredRecord {
  readonly key: RecordKey;
  readonly rev: number;
  /** As the present version writes it. */
  readonly body: unknown;
  /** It does not lie like that in the store yet. */
  readonly older?: true;
}

/** Outages are values: the store never throws for what a network or Redis may do. */
export type StoreRead<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | Unavailable
  | { readonly kind: 'corrupt'; readonly key: string; readonly detail: string };
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly detail: string;
  /** The store answers, and must not be used: it is not what it was. A person has to decide. */
  readonly frozen?: true;
  /** The store answers; what was asked for is of a newer version, which this one would misread. It is left alone. */
  readonly newer?: true;
}

export type { Subject };

/** `<rollout id>~<target>`: delivered first in, first out. */
export type OutboxQueue = string;

export interface Commit {
  /** Every record the decision read, with the rev it saw; all must still hold, or nothing happens. */
  readonly reads: readonly { readonly key: RecordKey; readonly rev: number }[];
  /**
   * Written keys must be among `reads`. `body: null` deletes, a rollout's with its events, its decisions and what its
   * judge remembers and has concluded.
   */
  readonly writes: readonly { readonly key: RecordKey; readonly body: unknown }[];
  readonly events: readonly RolloutEvent[];
  readonly outbox: readonly { readonly queue: OutboxQueue; readonly notice: Notice }[];
  /** `atMs: null` takes the subject out of the due set. */
  readonly due: readonly { readonly subject: Subject; readonly atMs: number | null }[];
  /** `value: null` removes the owner. Every fleet named here gets one new fleet revision. */
  readonly traffic: readonly {
    readonly fleet: string;
    readonly owner: TrafficOwner;
    readonly value: OwnerTraffic | null;
    /**
     * Not what Envoys are asked to confirm (hosts, a cluster nobody uses any more): the owner stands where it stood, so
     * who waits for the change before this one waits for that alone.
     */
    readonly beside?: true;
  }[];
  /**
   * Begins a trial, or with `null` ends it. A trial of somebody else that is under way is a conflict for who begins
   * one; who ends one that is not there (any more) changes nothing. Every fleet named here gets a new revision, too.
   */
  readonly trials: readonly {
    readonly fleet: string;
    readonly by: Trial['by'];
    readonly trial: Pick<Trial, 'probe' | 'changes'> | null;
    /**
     * What the commit makes was decided on this trial: a conflict when it is no longer under way. One that goes on with
     * other hosts stands where it began.
     */
    readonly mustStand?: boolean;
  }[];
  /** Where the written rollouts stand now, for whoever counts them. */
  readonly active: readonly ActiveNote[];
  /** What was decided here, and from what; absent: nothing that is decided again. */
  readonly decisions?: readonly RecordedDecision[];
}

export interface ActiveNote {
  readonly rolloutId: string;
  /** `null`: it has ended. */
  readonly phase: Phase | null;
  /** Since when nothing was decided on evidence, while it is judged; `null`: it is not. */
  readonly evidenceAtMs: number | null;
  /** It is judged, and nothing reaches us of it. */
  readonly blind: boolean;
}

export type CommitOutcome =
  | {
      readonly kind: 'committed';
      /** The new revision of each fleet that the commit changed. */
      readonly fleets: Readonly<Record<string, Position>>;
      /** The new rev of each written record, 0 for a deleted one: what a commit that takes this one back must find. */
      readonly revs: ReadonlyMap<RecordKey, number>;
    }
  /** A record moved on: reload and decide again. */
  | { readonly kind: 'conflict'; readonly key: string }
  | Unavailable;

/** Records and the one way to change them (design §4, step 4). */
export interface RecordStore {
  read(keys: readonly RecordKey[]): Promise<StoreRead<readonly StoredRecord[]>>;
  /** Newest first; `prefix` like `rollout/` or `document/Route/`. */
  list(
    prefix: string,
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<StoreRead<{ readonly records: readonly StoredRecord[]; readonly cursor: string | null }>>;
  commit(commit: Commit): Promise<CommitOutcome>;
  events(
    rolloutId: string,
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<StoreRead<readonly { readonly id: string; readonly event: RolloutEvent }[]>>;
  /** Epoch ms of the store's clock. */
  time(): Promise<StoreRead<number>>;
}

/** What was decided about a rollout, and from what. */
export interface DecisionLog {
  /** Oldest first; `from` counts from 0. The page may be shorter than `limit`, and is empty behind the end only. */
  read(
    rolloutId: string,
    page: { readonly from: number; readonly limit: number },
  ): Promise<StoreRead<readonly KeptDecision[]>>;
}

/** Who did what. Lines are only ever added at the end, and go from the front. */
export interface AuditLog {
  append(entry: AuditEntry): Promise<StoreRead<'done'>>;
  /** Oldest first; from `after`, or from a moment, or from the beginning. */
  read(page: AuditPage): Promise<StoreRead<readonly AuditLine[]>>;
  /** Lets go of what was added before a moment, and of all but the newest. */
  trim(beforeMs: number, keep: number): Promise<StoreRead<'done'>>;
}

export interface AuditPage {
  readonly after: string | null;
  readonly sinceMs: number | null;
  readonly limit: number;
}

export interface AuditLine {
  readonly cursor: string;
  readonly entry: AuditEntry;
}

/** Which records there are, without reading them. */
export interface RecordIndex {
  /** Oldest first; `prefix` like `rollout/`. `total`: of all pages. */
  oldest(
    prefix: string,
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<
    StoreRead<{ readonly keys: readonly RecordKey[]; readonly cursor: string | null; readonly total: number }>
  >;
}

/** The state of the whole installation in a few numbers, whichever replica is asked. Times are the store's. */
export interface Census {
  readonly nowMs: number;
  /** Rollouts that have not ended. */
  readonly active: ReadonlyMap<Phase, number>;
  /** The oldest of the active rollouts' `evidenceAtMs`; `null`: none is judged. */
  readonly evidenceAtMs: number | null;
  /** Active rollouts that are judged, and of them those of which nothing reaches us. */
  readonly judged: number;
  readonly blind: number;
  /** The breaker of their evidence is open. */
  readonly breakerOpen: boolean;
  /** Queues with messages that wait, and since when the oldest waits. */
  readonly outbox: { readonly queues: number; readonly sinceMs: number | null };
  readonly deadLetters: number;
  /** The earliest subject of the due set. */
  readonly dueAtMs: number | null;
}

export interface CensusTaker {
  census(): Promise<StoreRead<Census>>;
}

/** What the engine asks about traffic that was committed. */
export interface TrafficReader {
  table(fleet: string): Promise<StoreRead<FleetTable>>;
  /** Where one owner stands, without the rest of the table. */
  standing(fleet: string, owner: TrafficOwner): Promise<StoreRead<Standing>>;
}

export interface Standing {
  /** The fleet revision of the owner's last change; `null`: not in the table. */
  readonly position: Position | null;
  /** The trial that is under way in the fleet, whoever's it is, and the fleet revision at which it began. */
  readonly trial: { readonly by: Trial['by']; readonly probe: string; readonly position: Position } | null;
}

/** What the xDS side follows. A lost hint costs seconds: followers also poll. */
export interface TrafficFeed {
  fleets(): Promise<StoreRead<readonly string[]>>;
  table(fleet: string): Promise<StoreRead<FleetTable>>;
  /** Calls `onChange` with fleets whose revision moved; resolves once following; `stop` ends it. */
  follow(onChange: (fleets: readonly string[]) => void): Promise<{ stop(): Promise<void> }>;
}

export interface OutboxEntry {
  readonly queue: OutboxQueue;
  readonly notice: Notice;
  readonly attempts: number;
  readonly firstTriedAtMs: number | null;
}

export interface Outbox {
  head(queue: OutboxQueue): Promise<StoreRead<OutboxEntry | null>>;
  /** What waits, oldest first. */
  waiting(queue: OutboxQueue, limit: number): Promise<StoreRead<readonly Notice[]>>;
  /**
   * Puts one notice in the place of the first ones, if those are (still) these; the tries of the first count on.
   */
  fold(queue: OutboxQueue, noticeIds: readonly string[], notice: Notice): Promise<StoreRead<'folded' | 'changed'>>;
  /** Takes the entry with this notice id out of the queue; a no-op when it is gone already. */
  delivered(queue: OutboxQueue, noticeId: string): Promise<StoreRead<'done'>>;
  retry(queue: OutboxQueue, noticeId: string, atMs: number, detail: string): Promise<StoreRead<'done'>>;
  /** Moves the entry to the visible dead-letter list. */
  bury(queue: OutboxQueue, noticeId: string, detail: string): Promise<StoreRead<'done'>>;
  deadLetters(
    limit: number,
  ): Promise<StoreRead<readonly { readonly queue: OutboxQueue; readonly notice: Notice; readonly detail: string }[]>>;
}

export interface Leased {
  readonly subject: Subject;
  /** Since when it has been due, epoch ms; of one that comes again the end of its last lease. */
  readonly dueAtMs: number;
  /** How often whoever ran it was gone afterwards, in the last ten minutes. */
  readonly crashes: number;
}

/** The sorted set that holds every delay. */
export interface DueSet {
  /** Epoch ms of the earliest subject; `null`: none. */
  next(): Promise<StoreRead<number | null>>;
  /**
   * Leases what is due: returns it and moves it `leaseMs` ahead, so that a crash loses nothing. Of rollouts with crashes
   * one at a time; `suspect` is the one that the caller has under way.
   */
  lease(limit: number, leaseMs: number, suspect?: Subject | null): Promise<StoreRead<readonly Leased[]>>;
  schedule(subject: Subject, atMs: number): Promise<StoreRead<'done'>>;
  /** Ends a lease without rescheduling, unless the subject was rescheduled meanwhile. */
  forget(subject: Subject): Promise<StoreRead<'done'>>;
}

/** Rollouts that may crash whoever runs them. */
export interface Suspects {
  /** As a lease, for a rollout that is not due: its crashes; `busy`: not now, another suspect is under way. */
  take(subject: Subject, leaseMs: number, suspect: Subject | null): Promise<StoreRead<number | 'busy'>>;
  /** A run has thrown: it counts as a crash. */
  blame(subject: Subject): Promise<StoreRead<'done'>>;
  /** A person, or the way back, gives it another chance. */
  forgive(subject: Subject): Promise<StoreRead<'done'>>;
}
