import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { lostCommits } from '../../src/core/chain/lost-commits.ts';
import type { StorePoint } from '../../src/core/model/freeze.ts';
import type { Commit, CommitOutcome, RecordKey } from '../../src/engine/ports/store.ts';
import type { WrittenAgain } from '../../src/engine/ports/store-tail.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { waitFor } from '../support/processes.ts';
import type { LineagesUnderTest, LineageUnderTest, ReplicaOfStore } from './lineage.contract.ts';
import { notice } from './store.contract.ts';

/** Everything that a commit can say, about rollout `id`, whose record has `rev`. */
function whole(id: string, rev: number, text = ''): Commit {
  const key: RecordKey = `rollout/${id}`;
  return {
    reads: [
      { key, rev },
      { key: `judge/${id}`, rev },
    ],
    writes: [
      { key, body: { id, rev, text, phase: 'stepping' } },
      { key: `judge/${id}`, body: { rev } },
    ],
    events: [
      {
        ...{ rolloutId: id, type: 'step', atMs: 1, by: 'serin', phase: 'stepping', step: rev },
        ...{ message: `Größe ${text}`, data: {} },
      },
    ],
    outbox: [{ queue: `${id}~deploys`, notice: notice(`${id}-${rev}-${text}`, id) }],
    due: [{ subject: `rollout/${id}`, atMs: 4e12 + rev }],
    traffic: [
      {
        ...{ fleet: 'edge', owner: `route/${id}` },
        value: { kind: 'route', route: id, spec: { fleet: 'edge', hostnames: [`n${rev}.example.com`], rules: [] } },
      },
    ],
    trials: [{ fleet: 'edge', by: 'somebody', trial: { probe: `envoy-${rev}`, changes: [] } }],
    active: [{ rolloutId: id, phase: 'stepping', evidenceAtMs: 5 + rev, blind: false }],
    decisions: [{ rolloutId: id, run: '', rev: rev + 1, text: JSON.stringify({ decided: rev }) }],
  };
}

const gone = (id: string, rev: number): Commit => ({
  ...EMPTY_COMMIT,
  reads: [{ key: `rollout/${id}`, rev }],
  writes: [{ key: `rollout/${id}`, body: null }],
  due: [{ subject: `rollout/${id}`, atMs: null }],
  trials: [{ fleet: 'edge', by: 'somebody', trial: null }],
});

async function follow(replica: ReplicaOfStore): Promise<void> {
  const following = await replica.tail.follow();
  onTestFinished(() => following.stop());
}

async function committed(replica: ReplicaOfStore, commit: Commit): Promise<CommitOutcome> {
  const outcome = await replica.records.commit(commit);
  expect(outcome.kind).toBe('committed');
  return outcome;
}

async function holds({ tail }: ReplicaOfStore, n: number): Promise<void> {
  await waitFor(() => tail.kept().at(-1)?.n === n, { what: () => `commit ${n}, kept is ${tail.kept().at(-1)?.n}` });
}

/** All that is in the store, except for when something is due. */
async function contents({ archive }: LineageUnderTest) {
  const dump = await archive.dump();
  if (dump.kind !== 'ok') throw new Error(dump.detail);
  expect(dump.value.damage).toEqual([]);
  return dump.value.lines.filter(({ kind }) => kind !== 'due');
}

async function due({ archive }: LineageUnderTest): Promise<ReadonlyMap<string, number>> {
  const dump = await archive.dump();
  if (dump.kind !== 'ok') throw new Error(dump.detail);
  return new Map(dump.value.lines.flatMap((line) => (line.kind === 'due' ? [[line.subject, line.atMs]] : [])));
}

async function frozen({ lineage }: ReplicaOfStore) {
  const looked = await lineage.look();
  if (looked.kind !== 'ok') throw new Error(looked.kind);
  return looked.value.frozen;
}

async function history({ tail }: ReplicaOfStore) {
  const read = await tail.history(0);
  if (read.kind !== 'ok') throw new Error(read.kind);
  return read.value;
}

/** As the use case does it. */
async function replay(replica: ReplicaOfStore, end: StorePoint | null = null): Promise<WrittenAgain> {
  const freeze = await frozen(replica);
  const kept = replica.tail.kept();
  const lost = lostCommits(await history(replica), kept, freeze?.seen?.n ?? 0);
  if (freeze === null || lost.kind !== 'found') throw new Error(freeze === null ? 'not frozen' : lost.kind);
  return replica.tail.writeAgain(lost.commits, end ?? (kept.at(-1) as StorePoint), freeze);
}

export function tailContract(name: string, open: () => Promise<LineagesUnderTest>): void {
  describe(`tail contract: ${name}`, () => {
    let server: LineagesUnderTest;
    beforeAll(async () => {
      server = await open();
    }, 20_000);
    afterAll(async () => {
      await server.close();
    }, 20_000);

    /** A store that has lost the second and third of three commits, and has frozen. */
    async function lost() {
      const store = server.fresh();
      await follow(store);
      await committed(store, whole('a', 0));
      const restore = await store.backup();
      await committed(store, whole('a', 1));
      await committed(store, gone('a', 2));
      await holds(store, 3);
      const before = await contents(store);
      await restore();
      expect(await frozen(store)).toMatchObject({ reason: 'lost' });
      return { store, before };
    }

    it('every replica keeps every commit, whoever makes it', async () => {
      const store = server.fresh();
      const other = store.replica();
      await Promise.all([follow(store), follow(other)]);
      for (const [i, replica] of [store, other, other, store].entries()) await committed(replica, whole(`r${i}`, 0));
      await Promise.all([holds(store, 4), holds(other, 4)]);
      expect(store.tail.kept()).toEqual(other.tail.kept());
    });

    it('one that comes later keeps what is still there', async () => {
      const store = server.fresh();
      await committed(store, whole('a', 0));
      await committed(store, whole('a', 1));
      await follow(store);
      await holds(store, 2);
      expect(store.tail.kept().map(({ n }) => n)).toEqual([1, 2]);
    });

    it('keeps nothing of commits that only put off a look', async () => {
      const store = server.fresh();
      await follow(store);
      await committed(store, { ...EMPTY_COMMIT, due: [{ subject: 'rollout/a', atMs: 5 }] });
      await committed(store, whole('a', 0));
      await holds(store, 1);
    });

    it('chains what a commit says: links are those that the store has', async () => {
      const store = server.fresh();
      await follow(store);
      for (const rev of [0, 1, 2]) await committed(store, whole('a', rev));
      await holds(store, 3);
      const { links, hash, epoch } = await history(store);
      expect(store.tail.kept().map((commit) => [commit.n, commit.hash])).toEqual([...links]);
      expect(store.tail.kept().at(-1)).toMatchObject({ hash, epoch });
      // They hold, each by its own words.
      expect(lostCommits({ epoch, n: 0, hash: '', links }, store.tail.kept(), 3)).toMatchObject({ kind: 'found' });
    });

    it('writes again what was lost: all is as it was, and the chain goes on', async () => {
      const { store, before } = await lost();
      const written = await replay(store);
      expect(written).toMatchObject({ kind: 'written' });
      expect(written.kind === 'written' && [...written.keys].sort()).toEqual(['judge/a', 'rollout/a']);
      expect(await frozen(store)).toBeNull();
      expect(await contents(store)).toEqual(before);
      // Its rev goes on where it was when it is made anew.
      expect(await committed(store, whole('a', 0))).toMatchObject({
        revs: new Map([
          ['rollout/a', 3],
          ['judge/a', expect.any(Number)],
        ]),
      });
      await holds(store, 4);
    });

    it('begins no new epoch, so Envoys have what they had', async () => {
      const store = server.fresh();
      await follow(store);
      await committed(store, whole('a', 0));
      const restore = await store.backup();
      await committed(store, whole('a', 1));
      await holds(store, 2);
      const table = await store.traffic.table('edge');
      await restore();
      await frozen(store);
      await replay(store);
      expect(await store.traffic.table('edge')).toEqual(table);
    });

    it('looks at once at all that goes on: when it is due may be lost', async () => {
      const store = server.fresh();
      await follow(store);
      await committed(store, {
        ...EMPTY_COMMIT,
        reads: [{ key: 'backend/b', rev: 0 }],
        writes: [{ key: 'backend/b', body: {} }],
      });
      const restore = await store.backup();
      await committed(store, whole('a', 0));
      await holds(store, 2);
      await restore();
      await frozen(store);
      await replay(store);
      const times = await due(store);
      expect([...times.keys()].sort()).toEqual(['backend/b', 'outbox/a~deploys', 'rollout/a']);
      expect(Math.max(...times.values())).toBeLessThan(4e12);
    });

    it('from any replica that reaches back; the others go on with it', async () => {
      const store = server.fresh();
      const [late, other] = [store.replica(), store.replica()];
      await Promise.all([follow(store), follow(other)]);
      await committed(store, whole('a', 0));
      const restore = await store.backup();
      await committed(store, whole('a', 1));
      await Promise.all([holds(store, 2), holds(other, 2)]);
      await restore();
      await frozen(store);
      // It has seen nothing of what was lost.
      await follow(late);
      await holds(late, 1);
      expect(lostCommits(await history(late), late.tail.kept(), 2)).toMatchObject({ kind: 'ends early', from: 2 });
      expect(await replay(other)).toMatchObject({ kind: 'written' });
      expect([await frozen(store), await frozen(other), await frozen(late)]).toEqual([null, null, null]);
      await committed(late, whole('a', 2));
      for (const replica of [store, other, late]) await holds(replica, 3);
    });

    it('whoever has seen more says so to a frozen store', async () => {
      const { store } = await lost();
      // Seen by the other replica alone.
      const second = server.fresh();
      const other = second.replica();
      await Promise.all([follow(second), follow(other)]);
      await committed(second, whole('a', 0));
      const restore = await second.backup();
      await committed(second, whole('a', 1));
      await committed(other, whole('a', 2));
      await restore();
      expect(await frozen(second)).toMatchObject({ seen: { n: 2 } });
      expect(await frozen(other)).toMatchObject({ seen: { n: 3 }, mine: false });
      expect(await frozen(second)).toMatchObject({ seen: { n: 3 }, mine: true });
      expect(await frozen(store)).toMatchObject({ seen: { n: 3 } });
    });

    it('is a conflict when a record is not what the chain says, and nothing is written', async () => {
      const store = server.fresh();
      await follow(store);
      await committed(store, whole('a', 0));
      const restore = await store.backup();
      await committed(store, whole('a', 1));
      await committed(store, whole('a', 2));
      await holds(store, 3);
      await restore();
      const freeze = await frozen(store);
      const kept = store.tail.kept();
      const before = await contents(store);
      if (freeze === null) throw new Error('not frozen');
      // As if the one between did not exist.
      const skipped = await store.tail.writeAgain(kept.slice(2), kept[2] as StorePoint, freeze);
      expect(skipped).toMatchObject({ kind: 'conflict', n: 3, key: 'rollout/a' });
      expect(await contents(store)).toEqual(before);
      expect(await frozen(store)).not.toBeNull();
    });

    it('cut off half-way the store stays frozen, and the rest can be written later', async () => {
      const { store, before } = await lost();
      const kept = store.tail.kept();
      const freeze = await frozen(store);
      if (freeze === null) throw new Error('not frozen');
      const half = await store.tail.writeAgain(kept.slice(1, 2), kept[2] as StorePoint, freeze);
      expect(half).toMatchObject({ kind: 'overtaken' });
      expect(await frozen(store)).not.toBeNull();
      expect((await store.records.commit(whole('x', 0))).kind).toBe('unavailable');
      expect(await replay(store)).toMatchObject({ kind: 'written' });
      expect(await contents(store)).toEqual(before);
    });

    it('all written, and only the end of the freeze missing: that is made up for', async () => {
      const { store, before } = await lost();
      const kept = store.tail.kept();
      const freeze = await frozen(store);
      if (freeze === null) throw new Error('not frozen');
      const nowhere = { epoch: 'x', n: 9, hash: '' };
      expect(await store.tail.writeAgain(kept.slice(1), nowhere, freeze)).toMatchObject({ kind: 'overtaken' });
      expect(await replay(store)).toEqual({ kind: 'written', keys: [] });
      expect(await contents(store)).toEqual(before);
    });

    it('twice, or beside another way out, is overtaken', async () => {
      const { store } = await lost();
      const freeze = await frozen(store);
      const kept = store.tail.kept();
      if (freeze === null) throw new Error('not frozen');
      expect((await store.lineage.reconcile(EMPTY_COMMIT, [], freeze)).kind).toBe('committed');
      const late = await store.tail.writeAgain(kept.slice(1), kept[2] as StorePoint, freeze);
      expect(late).toEqual({ kind: 'overtaken' });
      // A new epoch: what was kept is of no more use.
      await committed(store, whole('b', 0));
      await waitFor(() => store.tail.kept()[0]?.epoch !== kept[0]?.epoch, { what: 'the new epoch' });
      expect(lostCommits(await history(store), kept, 3)).toEqual({ kind: 'another epoch' });
    });

    it('a second loss is made good as the first one', async () => {
      const { store } = await lost();
      const restore = await store.backup();
      await replay(store);
      await committed(store, whole('b', 0));
      await holds(store, 4);
      const before = await contents(store);
      await restore();
      expect(await frozen(store)).toMatchObject({ reason: 'lost' });
      expect(await replay(store)).toMatchObject({ kind: 'written' });
      expect(await contents(store)).toEqual(before);
    });

    it('whatever was lost, and whoever made it: after it the store is what it was', { timeout: 60_000 }, async () => {
      const act = fc.record({
        id: fc.constantFrom('a', 'b'),
        what: fc.constantFrom('write', 'write', 'delete'),
        by: fc.nat(1),
      });
      const some = fc.array(act, { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(some, some, fc.string({ unit: 'binary', maxLength: 20 }), async (kept, gones, text) => {
          const store = server.fresh();
          const replicas = [store, store.replica()];
          const following = await Promise.all(replicas.map(({ tail }) => tail.follow()));
          let count = 0;
          const play = async (acts: typeof kept) => {
            for (const { id, what, by } of acts) {
              const replica = replicas[by] ?? store;
              const read = await replica.records.read([`rollout/${id}`, `judge/${id}`]);
              const rev = read.kind === 'ok' ? (read.value[0]?.rev ?? 0) : 0;
              const judge = read.kind === 'ok' ? (read.value[1]?.rev ?? 0) : 0;
              if (what === 'delete' && rev === 0) continue;
              const change =
                what === 'delete' ? gone(id, rev) : whole(id, rev, `${count} ${text}`.replace(/\p{C}/gu, ''));
              const reads = change.reads.map((one) => (one.key.startsWith('judge/') ? { ...one, rev: judge } : one));
              await committed(replica, { ...change, reads });
              count += 1;
            }
          };
          await play([{ id: 'a', what: 'write', by: 0 }, ...kept]);
          const restore = await store.backup();
          const head = count;
          await play(gones);
          for (const replica of replicas) await holds(replica, count);
          const before = await contents(store);
          await restore();
          if (head < count) {
            await frozen(store);
            await replay(replicas[1] ?? store);
          }
          expect(await contents(store)).toEqual(before);
          expect(await Promise.all(replicas.map(frozen))).toEqual([null, null]);
          await Promise.all(following.map((one) => one.stop()));
        }),
        { numRuns: 30 },
      );
    });
  });
}
