import type { CommitTail } from '../../src/core/chain/commit-tail.ts';
import type { KeptCommit } from '../../src/core/chain/kept-commit.ts';
import type { AuditEntry } from '../../src/core/model/audit.ts';
import type { Phase } from '../../src/core/model/phase.ts';
import { leftAlone, parseStamp, type Schema, SHAPES, type Shapes } from '../../src/core/model/schema.ts';
import type { FleetTable, OwnerTraffic, TrafficOwner, Trial } from '../../src/core/model/traffic.ts';
import {
  type KeptDecision,
  MAX_DECISION_BYTES,
  MAX_DECISIONS,
  type RecordedDecision,
} from '../../src/core/replay/decision.ts';
import { BreakerRecord } from '../../src/core/rollout/breaker.ts';
import type { Notice, RolloutEvent } from '../../src/core/rollout/event.ts';
import type { Clock } from '../../src/engine/ports/clock.ts';
import type {
  AuditLog,
  CensusTaker,
  Commit,
  CommitOutcome,
  DecisionLog,
  DueSet,
  Outbox,
  OutboxQueue,
  RecordIndex,
  RecordKey,
  RecordStore,
  StoredRecord,
  StoreRead,
  Subject,
  Suspects,
  TrafficFeed,
  TrafficReader,
  Unavailable,
} from '../../src/engine/ports/store.ts';
import type { StoreArchive } from '../../src/engine/ports/store-archive.ts';
import type { StoreLineage } from '../../src/engine/ports/store-lineage.ts';
import type { StoreTail } from '../../src/engine/ports/store-tail.ts';
import { fakeArchive } from './fake-archive.ts';
import { backup, type FakeWitness, fakeLineage, fakeWitness, guarded, type History, mark } from './fake-lineage.ts';
import { fakeTail } from './fake-tail.ts';

/** `reply lost`: the commit happens, the caller hears `unavailable`. */
export type CommitFault = 'conflict' | 'unavailable' | 'reply lost';

/** All ports of the store in memory, by the same contract as the one on Redis. Shared by any number of engines. */
export interface FakeStore {
  readonly records: RecordStore;
  readonly traffic: TrafficFeed & TrafficReader;
  readonly outbox: Outbox;
  readonly due: DueSet;
  readonly suspects: Suspects;
  readonly counts: CensusTaker;
  readonly archive: StoreArchive;
  readonly lineage: StoreLineage;
  readonly tail: StoreTail;
  /** The same store as another replica uses it, which remembers only what it was told itself. */
  replica(shapes?: Shapes): Pick<FakeStore, 'records' | 'traffic' | 'lineage' | 'archive' | 'tail'>;
  readonly keys: RecordIndex;
  readonly audit: AuditLog;
  readonly decisions: DecisionLog;
  readonly faults: {
    /** Faults of the next commits, in order. */
    failNextCommit(...faults: readonly CommitFault[]): void;
    /** While down, everything is `unavailable`; coming up again reports all fleets to followers. */
    setDown(down: boolean): void;
    /** Keeps a copy; what is returned puts it back, as a failover that lost the rest does. */
    backup(): () => void;
    /** Of the history only the numbers are left. */
    forgetHistory(): void;
    /** Everything is gone, and the server is a new one. */
    wipe(): void;
    /** Makes the record unreadable. */
    corrupt(key: RecordKey): void;
    /** As if somebody had written the record by hand. */
    setRev(key: RecordKey, rev: number): void;
  };
  /** Number of commits that happened. */
  commits(): number;
  /** The truth, past every fault. */
  readonly inside: Inside;
}

export interface Inside {
  record(key: RecordKey): StoredRecord;
  keys(prefix: string): readonly RecordKey[];
  table(fleet: string): FleetTable;
  /** `null`: not in the due set. */
  dueAtMs(subject: Subject): number | null;
  events(rolloutId: string): readonly RolloutEvent[];
  decisions(rolloutId: string): readonly KeptDecision[];
  /** Messages that wait, of all queues. */
  waiting(): readonly string[];
  deadLetters(): readonly string[];
  /** Calls `onCommit` within every commit that happens, whatever its caller hears of it. */
  watch(onCommit: (happened: Happened) => void): void;
}

export interface Happened {
  readonly commit: Commit;
  /** What the commit's writes replaced. */
  readonly before: ReadonlyMap<RecordKey, StoredRecord>;
  /** A replay has written it again. */
  readonly again: boolean;
}

interface Entry {
  rev: number;
  /** JSON text: what comes out never shares memory with what went in. */
  body: string;
  /** Of which version it is; absent: of one from before there were stamps. */
  schema?: string;
  /** What the text says, once it was read; frozen, because all readers get the same. */
  read?: unknown;
  readonly order: number;
}
interface Cell {
  readonly n: number;
  readonly value: string;
  readonly schema?: string;
}
interface Fleet {
  n: number;
  /** As the real store does, readers get the same object for as long as the text is the same. */
  readonly owners: Map<TrafficOwner, Cell & { read?: unknown }>;
  trial: (Cell & { readonly by: string }) | null;
}
interface Queue {
  /** Since when the oldest waits. */
  sinceMs: number;
  readonly entries: Notice[];
  attempts: { readonly id: string; readonly n: number; readonly firstMs: number } | null;
}

/** A row of the log of decisions. */
export interface KeptRow {
  readonly run: string;
  readonly looks: number;
  readonly rev: number;
  readonly text: string;
}

/** What is in it; for the other parts of the fake. */
export interface State {
  readonly clock: Clock;
  epoch: string;
  schema: Schema;
  readonly history: History;
  /** Of the replicas that follow. */
  readonly tails: Set<CommitTail>;
  readonly entries: Map<string, Entry>;
  readonly gone: Map<string, number>;
  readonly events: Map<string, { readonly id: string; readonly seq: number; readonly event: string }[]>;
  readonly decisions: Map<string, KeptRow[]>;
  readonly queues: Map<OutboxQueue, Queue>;
  readonly dead: { readonly queue: OutboxQueue; readonly notice: Notice; readonly detail: string }[];
  readonly due: Map<Subject, number>;
  readonly active: Map<
    string,
    { readonly phase: Phase; readonly evidenceAtMs: number | null; readonly blind: boolean }
  >;
  readonly leases: Set<Subject>;
  readonly crashes: Map<Subject, number>;
  readonly fleets: Map<string, Fleet>;
  readonly followers: Set<(fleets: readonly string[]) => void>;
  readonly watchers: ((happened: Happened) => void)[];
  audit: { readonly seq: number; readonly addedMs: number; readonly entry: string }[];
  readonly faults: CommitFault[];
  down: boolean;
  order: number;
  commits: number;
}

const UNAVAILABLE: Unavailable = { kind: 'unavailable', detail: 'the fake store is down' };
const ok = <T>(value: T): { readonly kind: 'ok'; readonly value: T } => ({ kind: 'ok', value });

export function fakeStore(clock: Clock, epoch = 'epoch-1', own: Shapes = SHAPES): FakeStore {
  const s: State = {
    clock,
    epoch,
    schema: { version: 0, reader: 0 },
    history: { n: 0, hash: '', journal: new Map(), stream: [], successors: new Map(), frozen: null },
    tails: new Set(),
    entries: new Map(),
    gone: new Map(),
    events: new Map(),
    decisions: new Map(),
    queues: new Map(),
    dead: [],
    due: new Map(),
    active: new Map(),
    leases: new Set(),
    crashes: new Map(),
    fleets: new Map(),
    followers: new Set(),
    watchers: [],
    audit: [],
    faults: [],
    down: false,
    order: 0,
    commits: 0,
  };
  const empty = backup(s);
  let wiped = 0;
  const replica = (shapes: Shapes = own) => {
    const w = fakeWitness();
    return {
      records: fakeRecords(s, w, shapes),
      traffic: fakeTraffic(s, w, shapes),
      lineage: fakeLineage(s, w, (state, commit) => apply(state, commit, shapes)),
      archive: fakeArchive(s, shapes),
      tail: fakeTail(s, (state, commit, again) => apply(state, commit, shapes, again)),
    };
  };
  return {
    ...replica(),
    replica,
    outbox: fakeOutbox(s),
    due: fakeDue(s),
    suspects: fakeSuspects(s),
    counts: fakeCounts(s),
    keys: fakeKeys(s),
    audit: fakeAudit(s),
    decisions: fakeDecisions(s),
    faults: {
      backup: () => backup(s),
      forgetHistory: () => s.history.journal.clear(),
      wipe: () => {
        empty();
        wiped += 1;
        s.epoch = `${epoch}/wiped-${wiped}`;
      },
      failNextCommit: (...faults) => void s.faults.push(...faults),
      setDown: (down) => {
        const back = s.down && !down;
        s.down = down;
        if (back) tell(s, [...s.fleets.keys()]);
      },
      corrupt: (key) => {
        const entry = s.entries.get(key);
        if (entry === undefined) return;
        entry.body = '{"half';
        entry.read = undefined;
      },
      setRev: (key, rev) => {
        const entry = s.entries.get(key);
        if (entry !== undefined) entry.rev = rev;
      },
    },
    commits: () => s.commits,
    inside: inside(s),
  };
}

function inside(s: State): Inside {
  return {
    record: (key) => must(record(s, key, SHAPES)),
    keys: (prefix) => [...s.entries.keys()].filter((key): key is RecordKey => key.startsWith(prefix)),
    table: (fleet) => must(tableOf(s, fleet, SHAPES)),
    dueAtMs: (subject) => s.due.get(subject) ?? null,
    events: (rolloutId) => (s.events.get(rolloutId) ?? []).map(({ event }) => JSON.parse(event) as RolloutEvent),
    decisions: (rolloutId) => s.decisions.get(rolloutId) ?? [],
    waiting: () => [...s.queues.values()].flatMap(({ entries }) => entries.map(({ id }) => id)),
    deadLetters: () => s.dead.map(({ notice }) => notice.id),
    watch: (onCommit) => void s.watchers.push(onCommit),
  };
}

function must<T>(read: StoreRead<T>): T {
  if (read.kind !== 'ok') throw new Error(read.detail);
  return read.value;
}

async function answer<T>(s: State, value: () => StoreRead<T>): Promise<StoreRead<T>> {
  return s.down ? UNAVAILABLE : value();
}

function tell(s: State, fleets: readonly string[]): void {
  if (fleets.length === 0) return;
  for (const follower of s.followers) queueMicrotask(() => s.followers.has(follower) && follower(fleets));
}

function fakeRecords(s: State, w: FakeWitness, shapes: Shapes): RecordStore {
  return {
    read: (keys) => answer(s, () => all(keys.map((key) => record(s, key, shapes)))),
    list: (prefix, page) =>
      answer(s, () => {
        const before = page.cursor !== null && /^\d+$/.test(page.cursor) ? Number(page.cursor) : Infinity;
        const hits = [...s.entries]
          .filter(([key, entry]) => key.startsWith(prefix) && entry.order < before)
          .sort(([, a], [, b]) => b.order - a.order);
        const shown = hits.slice(0, page.limit);
        const records = all(shown.map(([key]) => record(s, key as RecordKey, shapes)));
        if (records.kind !== 'ok') return records;
        const cursor = hits.length > shown.length ? String(shown.at(-1)?.[1].order) : null;
        return ok({ records: records.value, cursor });
      }),
    commit: async (commit) => {
      if (s.down) return UNAVAILABLE;
      const fault = s.faults.shift();
      if (fault === 'unavailable') return UNAVAILABLE;
      if (fault === 'conflict') return { kind: 'conflict', key: commit.reads[0]?.key ?? '' };
      const frozen = guarded(s, w);
      if (frozen !== null) return frozen;
      const outcome = apply(s, commit, shapes);
      if (outcome.kind === 'committed' && fault !== 'reply lost') w.saw(s);
      return fault === 'reply lost' ? UNAVAILABLE : outcome;
    },
    events: (rolloutId, page) =>
      answer(s, () => {
        const known = s.events.get(rolloutId) ?? [];
        const after = known.find(({ id }) => id === page.after)?.seq ?? 0;
        const shown = known.filter(({ seq }) => seq > after).slice(0, page.limit);
        return ok(shown.map(({ id, event }) => ({ id, event: JSON.parse(event) as RolloutEvent })));
      }),
    time: () => answer(s, () => ok(s.clock.now())),
  };
}

function record(s: State, key: RecordKey, shapes: Shapes): StoreRead<StoredRecord> {
  const entry = s.entries.get(key);
  if (entry === undefined) return ok({ key, rev: 0, body: null });
  const refused = refusal(key, entry.schema, shapes);
  if (refused !== null) return refused;
  try {
    entry.read ??= frozen(JSON.parse(entry.body));
    const body = shapes.migrate(key, entry.read, parseStamp(entry.schema ?? '')?.version ?? 0);
    return ok({ key, rev: entry.rev, body, ...(body === entry.read ? {} : { older: true }) });
  } catch {
    return { kind: 'corrupt', key, detail: 'the body is not JSON' };
  }
}

function refusal(what: string, schema: string | undefined, shapes: Shapes): Unavailable | null {
  const stamp = parseStamp(schema ?? '');
  const detail = stamp === null ? null : leftAlone(what, stamp, shapes);
  return detail === null ? null : { kind: 'unavailable', newer: true, detail };
}

/** What the commit would write over that its engine would misread. */
function untouchable(s: State, { writes, traffic, trials }: Commit, shapes: Shapes): Unavailable | null {
  const { reader } = s.schema;
  if (reader > shapes.schema.version) {
    return {
      kind: 'unavailable',
      newer: true,
      detail: `the store now needs a Serin of schema version ${reader} or newer`,
    };
  }
  const refused = [
    ...writes.flatMap(({ key, body }) => {
      const id = key.startsWith('rollout/') && body === null ? key.slice('rollout/'.length) : null;
      const all = id === null ? [key] : [key, `judge/${id}`, `verdicts/${id}`];
      return all.map((one) => refusal(one, s.entries.get(one)?.schema, shapes));
    }),
    ...traffic.map(({ fleet, owner }) => refusal(owner, s.fleets.get(fleet)?.owners.get(owner)?.schema, shapes)),
    ...trials.map(({ fleet }) => refusal('@trial', s.fleets.get(fleet)?.trial?.schema, shapes)),
  ];
  return refused.find((one) => one !== null) ?? null;
}

/** Of which version a cell is, as Redis has it. */
function cellSchema(stamp: string): { readonly schema?: string } {
  return stamp === '' ? {} : { schema: stamp };
}

function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const key in value) frozen((value as Readonly<Record<string, unknown>>)[key]);
  return Object.freeze(value);
}

function all<T>(reads: readonly StoreRead<T>[]): StoreRead<readonly T[]> {
  const values: T[] = [];
  for (const read of reads) {
    if (read.kind !== 'ok') return read;
    values.push(read.value);
  }
  return ok(values);
}

function apply(s: State, commit: Commit, shapes: Shapes, again: KeptCommit | null = null): CommitOutcome {
  const ids = again?.outcome.split('|')[1]?.split(' ') ?? [];
  for (const { key } of commit.writes) {
    if (!commit.reads.some((read) => read.key === key)) throw new RangeError(`the write of ${key} has no read`);
  }
  for (const { key, rev } of commit.reads) {
    if ((s.entries.get(key)?.rev ?? 0) !== rev) return { kind: 'conflict', key };
  }
  for (const { fleet, by, trial, mustStand = false } of commit.trials) {
    const standing = s.fleets.get(fleet)?.trial ?? null;
    const taken = trial !== null && standing !== null && standing.by !== by;
    if (taken || (mustStand && standing?.by !== by)) return { kind: 'conflict', key: `trial/${fleet}` };
  }
  const refused = untouchable(s, commit, shapes);
  if (refused !== null) return refused;
  s.commits += 1;
  const before = new Map(
    s.watchers.length === 0 ? [] : commit.writes.map(({ key }) => [key, must(record(s, key, SHAPES))] as const),
  );
  const revs = new Map<RecordKey, number>();
  for (const { key, body } of commit.writes) {
    write(s, key, body, shapes);
    revs.set(key, s.entries.get(key)?.rev ?? 0);
  }
  const made: string[] = [];
  for (const event of commit.events) {
    const known = s.events.get(event.rolloutId) ?? [];
    const seq = (known.at(-1)?.seq ?? 0) + 1;
    const id = (again === null ? undefined : ids[made.length]) ?? `${s.clock.now()}-${seq}`;
    made.push(id);
    known.push({ id, seq, event: JSON.stringify(event) });
    s.events.set(event.rolloutId, known);
  }
  for (const decision of commit.decisions ?? []) keep(s, decision);
  for (const { queue, notice } of commit.outbox) {
    const waiting = queueOf(s, queue);
    if (waiting.entries.length === 0) waiting.sinceMs = s.clock.now();
    waiting.entries.push(structuredClone(notice));
    const subject: Subject = `outbox/${queue}`;
    if (s.due.has(subject)) s.leases.delete(subject);
    else s.due.set(subject, s.clock.now());
  }
  for (const { subject, atMs } of commit.due) {
    s.leases.delete(subject);
    if (atMs === null) s.due.delete(subject);
    else s.due.set(subject, Math.ceil(atMs));
  }
  for (const { rolloutId, phase, evidenceAtMs, blind } of commit.active) {
    if (phase === null) s.active.delete(rolloutId);
    else s.active.set(rolloutId, { phase, evidenceAtMs, blind });
  }
  mark(s, commit, `${[...revs.values()].join(' ')}|${made.join(' ')}`, again);
  const fleets = publish(s, commit, shapes);
  for (const onCommit of s.watchers) onCommit({ commit, before, again: again !== null });
  return { kind: 'committed', fleets, revs };
}

function keep(s: State, { rolloutId, run, rev, text }: RecordedDecision): void {
  const rows = s.decisions.get(rolloutId) ?? [];
  s.decisions.set(rolloutId, rows);
  const [before, last] = [rows.at(-2), rows.at(-1)];
  const again = run !== '' && before?.run === run && last?.run === run;
  rows.splice(again ? -1 : rows.length, again ? 1 : 0, { run, rev, text, looks: again ? last.looks + 1 : 1 });
  const bytes = () => rows.reduce((sum, row) => sum + Buffer.byteLength(row.text), 0);
  while (rows.length > 1 && (rows.length > MAX_DECISIONS || bytes() > 16 * MAX_DECISION_BYTES)) rows.shift();
}

function fakeDecisions(s: State): DecisionLog {
  return {
    read: (rolloutId, { from, limit }) =>
      answer(s, () => {
        const rows = s.decisions.get(rolloutId) ?? [];
        return ok(rows.slice(from, from + limit).map(({ looks, text }) => ({ looks, text })));
      }),
  };
}

function write(s: State, key: RecordKey, body: unknown, shapes: Shapes): void {
  const entry = s.entries.get(key);
  if (body === null) {
    if (entry !== undefined) s.gone.set(key, entry.rev);
    if (key.startsWith('rollout/')) {
      s.events.delete(key.slice('rollout/'.length));
      s.decisions.delete(key.slice('rollout/'.length));
      s.active.delete(key.slice('rollout/'.length));
      for (const beside of ['judge', 'verdicts'] as const)
        s.entries.delete(`${beside}/${key.slice('rollout/'.length)}`);
    }
    s.entries.delete(key);
    return;
  }
  const json = JSON.stringify(body);
  const schema = shapes.stamp(key, body);
  const allowed = key.startsWith('judge/') ? 16 * 1024 : 4 * 1024 * 1024;
  if (Buffer.byteLength(json) > allowed) throw new RangeError(`${key} is too large`);
  if (entry !== undefined) {
    entry.rev += 1;
    entry.body = json;
    entry.schema = schema;
    entry.read = undefined;
    return;
  }
  s.order += 1;
  s.entries.set(key, { rev: (s.gone.get(key) ?? 0) + 1, body: json, schema, order: s.order });
}

function publish(s: State, { traffic, trials }: Commit, shapes: Shapes): Record<string, { epoch: string; n: number }> {
  const positions: Record<string, { epoch: string; n: number }> = {};
  const revise = (name: string): Fleet => {
    const fleet = s.fleets.get(name) ?? { n: 0, owners: new Map(), trial: null };
    s.fleets.set(name, fleet);
    if (positions[name] === undefined) {
      fleet.n += 1;
      positions[name] = { epoch: s.epoch, n: fleet.n };
    }
    return fleet;
  };
  for (const { fleet: name, owner, value, beside = false } of traffic) {
    const fleet = revise(name);
    if (value === null) fleet.owners.delete(owner);
    else {
      const schema = cellSchema(shapes.cellStamp(`traffic/${owner}`, value));
      const n = (beside ? fleet.owners.get(owner)?.n : undefined) ?? fleet.n;
      fleet.owners.set(owner, { n, value: JSON.stringify(value), ...schema });
    }
  }
  for (const { fleet: name, by, trial, mustStand = false } of trials) {
    if (trial === null && s.fleets.get(name)?.trial?.by !== by) continue;
    const fleet = revise(name);
    const schema = cellSchema(shapes.cellStamp(`trial/${by}`, trial));
    const n = (mustStand ? fleet.trial?.n : undefined) ?? fleet.n;
    fleet.trial = trial === null ? null : { n, by, value: JSON.stringify({ ...trial, by }), ...schema };
  }
  tell(s, Object.keys(positions));
  return positions;
}

function fakeTraffic(s: State, w: FakeWitness, shapes: Shapes): TrafficFeed & TrafficReader {
  return {
    fleets: () => answer(s, () => ok([...s.fleets.keys()].sort())),
    table: (name) =>
      answer(s, () => {
        const frozen = guarded(s, w);
        if (frozen !== null) return frozen;
        w.saw(s);
        return tableOf(s, name, shapes);
      }),
    standing: (name, owner) =>
      answer(s, () => {
        const fleet = s.fleets.get(name);
        const cells = [fleet?.owners.get(owner), fleet?.trial];
        const refused = cells.map((cell) => refusal(name, cell?.schema, shapes)).find((one) => one !== null);
        if (refused !== undefined) return refused;
        const n = fleet?.owners.get(owner)?.n;
        const trying = fleet?.trial ?? null;
        const at = (revision: number) => ({ epoch: s.epoch, n: revision });
        const probe = trying === null ? '' : (JSON.parse(trying.value) as Trial).probe;
        return ok({
          position: n === undefined ? null : at(n),
          trial: trying === null ? null : { by: trying.by, probe, position: at(trying.n) },
        });
      }),
    follow: async (onChange) => {
      // One entry per call, so that the same listener may follow twice.
      const follower = (fleets: readonly string[]): void => onChange(fleets);
      s.followers.add(follower);
      return { stop: async () => void s.followers.delete(follower) };
    },
  };
}

function tableOf(s: State, name: string, shapes: Shapes): StoreRead<FleetTable> {
  const fleet = s.fleets.get(name);
  const owners = new Map<TrafficOwner, { readonly n: number; readonly value: OwnerTraffic }>();
  for (const cell of [...(fleet?.owners.values() ?? []), fleet?.trial]) {
    const refused = refusal(name, cell?.schema, shapes);
    if (refused !== null) return refused;
  }
  for (const [owner, cell] of fleet?.owners ?? []) {
    cell.read ??= frozen(JSON.parse(cell.value));
    owners.set(owner, { n: cell.n, value: cell.read as OwnerTraffic });
  }
  const trying = fleet?.trial ?? null;
  const trial = trying === null ? null : { ...(JSON.parse(trying.value) as Trial), n: trying.n };
  return ok({ fleet: name, position: { epoch: s.epoch, n: fleet?.n ?? 0 }, trial, owners });
}

function queueOf(s: State, name: OutboxQueue): Queue {
  const queue = s.queues.get(name) ?? { sinceMs: 0, entries: [], attempts: null };
  s.queues.set(name, queue);
  return queue;
}

function fakeOutbox(s: State): Outbox {
  const take = (name: OutboxQueue, noticeId: string): Notice | null => {
    const queue = queueOf(s, name);
    const at = queue.entries.findIndex(({ id }) => id === noticeId);
    if (at === -1) return null;
    if (at === 0) queue.attempts = null;
    const [notice = null] = queue.entries.splice(at, 1);
    if (at === 0) queue.sinceMs = queue.entries[0]?.atMs ?? 0;
    s.leases.delete(`outbox/${name}`);
    if (queue.entries.length > 0) s.due.set(`outbox/${name}`, s.clock.now());
    else s.due.delete(`outbox/${name}`);
    return notice;
  };
  return {
    head: (name) =>
      answer(s, () => {
        const { entries, attempts } = queueOf(s, name);
        const notice = entries[0];
        if (notice === undefined) return ok(null);
        const tried = attempts?.id === notice.id ? attempts : null;
        return ok({ queue: name, notice, attempts: tried?.n ?? 0, firstTriedAtMs: tried?.firstMs ?? null });
      }),
    waiting: (name, limit) => answer(s, () => ok(structuredClone(queueOf(s, name).entries.slice(0, limit)))),
    fold: (name, noticeIds, notice) =>
      answer(s, () => {
        if (notice.id !== noticeIds.at(-1)) throw new RangeError(`${notice.id} is not the last of those it stands for`);
        const queue = queueOf(s, name);
        const front = queue.entries.slice(0, noticeIds.length).map(({ id }) => id);
        if (front.length !== noticeIds.length || front.some((id, i) => id !== noticeIds[i])) return ok('changed');
        queue.entries.splice(0, noticeIds.length, structuredClone(notice));
        const { attempts } = queue;
        if (attempts !== null && attempts.id === noticeIds[0])
          queue.attempts = { ...attempts, id: notice.id, firstMs: s.clock.now() };
        return ok('folded');
      }),
    delivered: (name, noticeId) =>
      answer(s, () => {
        take(name, noticeId);
        return ok('done');
      }),
    retry: (name, noticeId, atMs) =>
      answer(s, () => {
        const queue = queueOf(s, name);
        if (queue.entries[0]?.id !== noticeId) return ok('done');
        const before = queue.attempts?.id === noticeId ? queue.attempts : null;
        queue.attempts = { id: noticeId, n: (before?.n ?? 0) + 1, firstMs: before?.firstMs ?? s.clock.now() };
        s.leases.delete(`outbox/${name}`);
        s.due.set(`outbox/${name}`, Math.ceil(atMs));
        return ok('done');
      }),
    bury: (name, noticeId, detail) =>
      answer(s, () => {
        const notice = take(name, noticeId);
        if (notice !== null) s.dead.unshift({ queue: name, notice, detail });
        return ok('done');
      }),
    deadLetters: (limit) => answer(s, () => ok(s.dead.slice(0, limit))),
  };
}

function fakeAudit(s: State): AuditLog {
  return {
    append: (entry) =>
      answer(s, () => {
        const seq = (s.audit.at(-1)?.seq ?? 0) + 1;
        s.audit.push({ seq, addedMs: s.clock.now(), entry: JSON.stringify(entry) });
        return ok('done');
      }),
    read: ({ after, sinceMs, limit }) =>
      answer(s, () => {
        const from = after !== null && /^\d+-\d+$/.test(after) ? Number(after.split('-')[1]) : null;
        const wanted = s.audit.filter((line) => (from === null ? line.addedMs >= (sinceMs ?? 0) : line.seq > from));
        return ok(
          wanted.slice(0, limit).map(({ seq: at, addedMs, entry }) => {
            return { cursor: `${addedMs}-${at}`, entry: JSON.parse(entry) as AuditEntry };
          }),
        );
      }),
    trim: (beforeMs, keep) =>
      answer(s, () => {
        s.audit = s.audit.filter(({ addedMs }) => addedMs >= beforeMs).slice(-keep);
        return ok('done');
      }),
  };
}

function fakeKeys(s: State): RecordIndex {
  return {
    oldest: (prefix, { limit, cursor }) =>
      answer(s, () => {
        const all = [...s.entries].filter(([key]) => key.startsWith(prefix)).sort(([, a], [, b]) => a.order - b.order);
        const rest = all.filter(([, { order }]) => order > Number(cursor ?? -1));
        const shown = rest.slice(0, limit);
        return ok({
          keys: shown.map(([key]) => key as RecordKey),
          cursor: rest.length > shown.length ? String(shown.at(-1)?.[1].order) : null,
          total: all.length,
        });
      }),
  };
}

function fakeCounts(s: State): CensusTaker {
  return {
    census: () =>
      answer(s, () => {
        const active = new Map<Phase, number>();
        for (const { phase } of s.active.values()) active.set(phase, (active.get(phase) ?? 0) + 1);
        const waiting = [...s.queues.values()].filter(({ entries }) => entries.length > 0);
        return ok({
          nowMs: s.clock.now(),
          active,
          judged: [...s.active.values()].filter(({ evidenceAtMs }) => evidenceAtMs !== null).length,
          blind: [...s.active.values()].filter(({ blind }) => blind).length,
          breakerOpen: isBreakerOpen(s),
          evidenceAtMs: least([...s.active.values()].flatMap(({ evidenceAtMs }) => evidenceAtMs ?? [])),
          outbox: { queues: waiting.length, sinceMs: least(waiting.map(({ sinceMs }) => sinceMs)) },
          deadLetters: s.dead.length,
          dueAtMs: least([...s.due.values()]),
        });
      }),
  };
}

function least(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : Math.min(...numbers);
}

/** Nobody dies here: a test says which rollout is to blame. */
function fakeSuspects(s: State): Suspects {
  return {
    take: (subject) => answer(s, () => ok(s.crashes.get(subject) ?? 0)),
    blame: (subject) =>
      answer(s, () => {
        s.crashes.set(subject, (s.crashes.get(subject) ?? 0) + 1);
        return ok('done');
      }),
    forgive: (subject) =>
      answer(s, () => {
        s.crashes.delete(subject);
        return ok('done');
      }),
  };
}

function fakeDue(s: State): DueSet {
  const sorted = (): [Subject, number][] =>
    [...s.due].sort(([a, atA], [b, atB]) => atA - atB || (a < b ? -1 : Number(a > b)));
  return {
    next: () => answer(s, () => ok(sorted()[0]?.[1] ?? null)),
    lease: (limit, leaseMs) =>
      answer(s, () => {
        const now = s.clock.now();
        const subjects = sorted()
          .filter(([, atMs]) => atMs <= now)
          .slice(0, limit)
          .map(([subject, dueAtMs]) => ({ subject, dueAtMs, crashes: s.crashes.get(subject) ?? 0 }));
        for (const { subject } of subjects) {
          s.due.set(subject, now + leaseMs);
          s.leases.add(subject);
        }
        return ok(subjects);
      }),
    schedule: (subject, atMs) =>
      answer(s, () => {
        s.leases.delete(subject);
        s.due.set(subject, Math.ceil(atMs));
        return ok('done');
      }),
    forget: (subject) =>
      answer(s, () => {
        if (s.leases.delete(subject)) s.due.delete(subject);
        return ok('done');
      }),
  };
}

function isBreakerOpen(s: State): boolean {
  const read = BreakerRecord.safeParse(JSON.parse(s.entries.get('breaker/evidence')?.body ?? 'null'));
  return read.success && read.data.openSinceMs !== null;
}
