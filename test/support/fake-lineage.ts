import { type KeptCommit, linkHash } from '../../src/core/chain/kept-commit.ts';
import { type Freeze, freezeSummary, type StorePoint } from '../../src/core/model/freeze.ts';
import type { Commit, CommitOutcome, Unavailable } from '../../src/engine/ports/store.ts';
import type { StoreLineage } from '../../src/engine/ports/store-lineage.ts';
import type { State } from './fake-store.ts';

/** The history of the fake store, by the same rules as the scripts on Redis. */
export interface History {
  n: number;
  hash: string;
  readonly journal: Map<number, string>;
  /** The last commits, for replicas that come later. */
  readonly stream: KeptCommit[];
  readonly successors: Map<string, string>;
  frozen: Freeze | null;
}

export interface FakeWitness {
  readonly id: string;
  point(): StorePoint | null;
  saw(s: State): void;
}

let witnesses = 0;
let nonces = 0;

export function fakeWitness(): FakeWitness {
  witnesses += 1;
  const id = `replica-${witnesses}`;
  let point: StorePoint | null = null;
  return {
    id,
    point: () => point,
    saw: (s) => {
      point = { epoch: s.epoch, n: s.history.n, hash: s.history.hash };
    },
  };
}

export function guarded(s: State, w: FakeWitness): Unavailable | null {
  const { history } = s;
  const point = w.point();
  const reason = history.frozen === null && point !== null ? contradiction(s, point) : null;
  if (reason !== null && point !== null) {
    const found = { epoch: s.epoch, n: history.n };
    history.frozen = { reason, seen: { epoch: point.epoch, n: point.n }, found, atMs: s.clock.now(), by: w.id };
  }
  const { frozen } = history;
  return frozen === null ? null : { kind: 'unavailable', frozen: true, detail: freezeSummary(frozen) };
}

function contradiction({ epoch, history }: State, point: StorePoint): Freeze['reason'] | null {
  if (point.epoch === epoch) {
    if (history.n < point.n) return 'lost';
    const hash = history.journal.get(point.n);
    return hash !== undefined && hash !== point.hash ? 'diverged' : null;
  }
  let at: string | undefined = point.epoch;
  while (at !== undefined && at !== epoch) at = history.successors.get(at);
  return at === undefined ? 'replaced' : null;
}

/** One more commit, if it is one that counts; `again`: one that was lost. */
export function mark(s: State, commit: Commit, outcome: string, again: KeptCommit | null): void {
  const { writes, events, outbox, traffic, trials } = commit;
  if (again !== null) link(s, again);
  else if (writes.length + events.length + outbox.length + traffic.length + trials.length > 0)
    raise(s, commit, outcome);
}

function raise(s: State, commit: Commit, outcome: string): void {
  const { history } = s;
  nonces += 1;
  const made = {
    ...{ epoch: s.epoch, n: history.n + 1, prev: history.hash, nonce: String(nonces), atUs: `${s.clock.now()}000` },
    ...{ outcome, content: Buffer.from(JSON.stringify(commit)) },
  };
  link(s, { ...made, hash: linkHash(made) });
}

function link(s: State, commit: KeptCommit): void {
  s.history.n = commit.n;
  s.history.hash = commit.hash;
  s.history.journal.set(commit.n, commit.hash);
  s.history.stream.push(commit);
  for (const tail of s.tails) tail.next(commit);
}

export function fakeLineage(
  s: State,
  w: FakeWitness,
  apply: (s: State, commit: Commit) => CommitOutcome,
): StoreLineage {
  const down: Unavailable = { kind: 'unavailable', detail: 'the fake store is down' };
  return {
    look: async () => {
      if (s.down) return down;
      guarded(s, w);
      const { frozen } = s.history;
      const point = w.point();
      if (frozen?.seen != null && point?.epoch === frozen.seen.epoch && point.n > frozen.seen.n) {
        s.history.frozen = { ...frozen, seen: { epoch: point.epoch, n: point.n } };
        return { kind: 'ok', value: { frozen: { ...s.history.frozen, mine: frozen.by === w.id } } };
      }
      if (frozen === null) w.saw(s);
      return { kind: 'ok', value: { frozen: frozen === null ? null : { ...frozen, mine: frozen.by === w.id } } };
    },
    reconcile: async (change, tables, { mine: _mine, ...freeze }: Freeze & { readonly mine?: boolean }) => {
      if (s.down) return down;
      const { history } = s;
      if (JSON.stringify(history.frozen) !== JSON.stringify(freeze)) return { kind: 'conflict', key: 'frozen' };
      const stale = change.reads.find(({ key, rev }) => (s.entries.get(key)?.rev ?? 0) !== rev);
      if (stale !== undefined) return { kind: 'conflict', key: stale.key };
      const epoch = `${s.epoch}>${history.n}`;
      history.successors.set(s.epoch, epoch);
      const seen = w.point();
      if (seen !== null) history.successors.set(seen.epoch, epoch);
      s.epoch = epoch;
      history.frozen = null;
      history.n = Math.max(history.n, seen?.n ?? 0);
      for (const { fleet, n } of tables) {
        s.fleets.set(fleet, { n: Math.max(n, s.fleets.get(fleet)?.n ?? 0), owners: new Map(), trial: null });
      }
      const touched = new Set([...change.traffic, ...change.trials].map(({ fleet }) => fleet));
      for (const [name, fleet] of s.fleets) if (!touched.has(name)) fleet.n += 1;
      const outcome = apply(s, change);
      if (change.writes.length + change.events.length + change.traffic.length === 0) raise(s, change, '|');
      w.saw(s);
      return outcome;
    },
  };
}

/** Puts everything back as it is now. */
export function backup(s: State): () => void {
  const kept = structuredClone({
    ...{ epoch: s.epoch, schema: s.schema, history: s.history, entries: s.entries, gone: s.gone, events: s.events },
    decisions: s.decisions,
    ...{ queues: s.queues, dead: s.dead, due: s.due, leases: s.leases, fleets: s.fleets, order: s.order },
  });
  return () => {
    const copy = structuredClone(kept);
    for (const name of ['entries', 'gone', 'events', 'decisions', 'queues', 'due', 'fleets'] as const)
      refill(s[name], copy[name]);
    refill(s.history.journal, copy.history.journal);
    s.history.stream.splice(0, s.history.stream.length, ...copy.history.stream);
    refill(s.history.successors, copy.history.successors);
    s.leases.clear();
    for (const lease of copy.leases) s.leases.add(lease);
    s.dead.splice(0, s.dead.length, ...copy.dead);
    Object.assign(s.history, { n: copy.history.n, hash: copy.history.hash, frozen: copy.history.frozen });
    Object.assign(s, { epoch: copy.epoch, schema: copy.schema, order: copy.order });
  };
}

function refill(map: Map<unknown, unknown>, from: ReadonlyMap<unknown, unknown>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}
