import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RouteTraffic } from '../../src/core/model/traffic.ts';
import type { CommitOutcome, RecordKey, RecordStore, TrafficReader } from '../../src/engine/ports/store.ts';
import type { StoreArchive } from '../../src/engine/ports/store-archive.ts';
import type { StoreLineage } from '../../src/engine/ports/store-lineage.ts';
import type { StoreTail } from '../../src/engine/ports/store-tail.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';

export interface ReplicaOfStore {
  readonly records: RecordStore;
  readonly traffic: TrafficReader;
  readonly lineage: StoreLineage;
  readonly tail: StoreTail;
}

export interface LineageUnderTest extends ReplicaOfStore {
  readonly archive: StoreArchive;
  /** Another replica, which has seen nothing yet. */
  replica(): ReplicaOfStore;
  /** Keeps a copy; what is returned puts it back. */
  backup(): Promise<() => Promise<void>>;
  /** As after an empty data folder. */
  wipe(): Promise<void>;
  /** So many commits are remembered; for what was forgotten, the numbers alone are compared. */
  forget(): Promise<void>;
}

export interface LineagesUnderTest {
  fresh(): LineageUnderTest;
  close(): Promise<void>;
}

const route: RouteTraffic = {
  kind: 'route',
  route: 'shop',
  spec: { fleet: 'edge', hostnames: ['shop.example.com'], rules: [] },
};
const FROZEN = { kind: 'unavailable', frozen: true };

async function write({ records }: ReplicaOfStore, id: string, rev = 0): Promise<CommitOutcome> {
  const key: RecordKey = `rollout/${id}`;
  return records.commit({
    ...EMPTY_COMMIT,
    reads: [{ key, rev }],
    writes: [{ key, body: { id, rev } }],
    traffic: [{ fleet: 'edge', owner: 'route/shop', value: route }],
  });
}

async function frozenOf({ lineage }: ReplicaOfStore) {
  const looked = await lineage.look();
  if (looked.kind !== 'ok') throw new Error(looked.kind);
  return looked.value.frozen;
}

export function lineageContract(name: string, open: () => Promise<LineagesUnderTest>): void {
  describe(`lineage contract: ${name}`, () => {
    let server: LineagesUnderTest;
    beforeAll(async () => {
      server = await open();
    }, 20_000);
    afterAll(async () => {
      await server.close();
    }, 20_000);

    it('trusts a store that only goes forward, however many write to it', async () => {
      const store = server.fresh();
      const other = store.replica();
      expect(await frozenOf(store)).toBeNull();
      expect((await write(store, 'a')).kind).toBe('committed');
      expect((await write(other, 'b')).kind).toBe('committed');
      expect((await write(store, 'a', 1)).kind).toBe('committed');
      expect((await write(store, 'a', 1)).kind).toBe('conflict');
      expect([await frozenOf(store), await frozenOf(other)]).toEqual([null, null]);
    });

    it('freezes when commits are lost that it has seen: for everybody, and at once', async () => {
      const store = server.fresh();
      await write(store, 'a');
      const restore = await store.backup();
      await write(store, 'b');
      await restore();
      // Not even one commit gets through.
      expect(await write(store, 'c')).toMatchObject(FROZEN);
      expect(await frozenOf(store)).toMatchObject({ reason: 'lost', seen: { n: 2 }, found: { n: 1 }, mine: true });
      const newcomer = store.replica();
      expect(await write(newcomer, 'c')).toMatchObject(FROZEN);
      expect(await newcomer.traffic.table('edge')).toMatchObject(FROZEN);
      expect(await frozenOf(newcomer)).toMatchObject({ reason: 'lost', mine: false });
      // What is there can be read.
      expect((await newcomer.records.read(['rollout/a'])).kind).toBe('ok');
    });

    it('freezes on a loss that touched no traffic', async () => {
      const store = server.fresh();
      await write(store, 'a');
      const restore = await store.backup();
      const key: RecordKey = 'rollout/a';
      await store.records.commit({ ...EMPTY_COMMIT, reads: [{ key, rev: 1 }], writes: [{ key, body: {} }] });
      await restore();
      expect(await store.traffic.table('edge')).toMatchObject(FROZEN);
    });

    it('freezes when others have written over the loss before it looked', async () => {
      const store = server.fresh();
      const other = store.replica();
      await write(other, 'a');
      const restore = await store.backup();
      for (const id of ['b', 'c']) await write(store, id);
      await restore();
      for (const id of ['x', 'y', 'z']) expect((await write(other, id)).kind).toBe('committed');
      expect(await store.traffic.table('edge')).toMatchObject(FROZEN);
      expect(await frozenOf(store)).toMatchObject({ reason: 'diverged', seen: { n: 3 }, found: { n: 4 } });
      expect(await write(other, 'more')).toMatchObject(FROZEN);
    });

    it('takes the number for enough where the history is too long ago', async () => {
      const store = server.fresh();
      const other = store.replica();
      await write(store, 'a');
      for (const id of ['b', 'c']) await write(other, id);
      await store.forget();
      expect((await write(store, 'd')).kind).toBe('committed');
    });

    it('freezes on an empty store, and does not begin a new epoch in it', async () => {
      const store = server.fresh();
      await write(store, 'a');
      await store.wipe();
      expect(await store.traffic.table('edge')).toMatchObject(FROZEN);
      expect(await frozenOf(store)).toMatchObject({ reason: 'replaced', mine: true });
    });

    it('freezes on a store that was imported under it', async () => {
      const store = server.fresh();
      await write(store, 'a');
      const dump = await store.archive.dump();
      await store.archive.load(dump.kind === 'ok' ? dump.value.lines : [], { replace: true });
      expect(await write(store, 'b')).toMatchObject(FROZEN);
      expect(await frozenOf(store)).toMatchObject({ reason: 'replaced' });
    });

    it('a replica that has seen nothing takes the store as it is', async () => {
      const store = server.fresh();
      await write(store, 'a');
      const restore = await store.backup();
      await write(store, 'b');
      await restore();
      expect((await write(store.replica(), 'c')).kind).toBe('committed');
    });

    it('puts off looks without making history', async () => {
      const store = server.fresh();
      await write(store, 'a');
      const restore = await store.backup();
      const due = [{ subject: 'rollout/a', atMs: 5 }] as const;
      expect((await store.records.commit({ ...EMPTY_COMMIT, due })).kind).toBe('committed');
      await restore();
      expect(await frozenOf(store)).toBeNull();
    });

    it('freezes exactly when somebody has seen what the store does not hold', { timeout: 60_000 }, async () => {
      const who = fc.integer({ min: 0, max: 2 });
      const act = fc.record({ what: fc.constantFrom('write', 'write', 'read'), who });
      const some = (max: number) => fc.array(act, { maxLength: max });
      // What happens before a copy is made, what is lost, and what comes after that.
      await fc.assert(
        fc.asyncProperty(some(3), some(3), some(9), async (before, lost, after) => {
          const acts = [
            { what: 'write', who: 0 },
            ...before,
            { what: 'backup', who: 0 },
            ...lost,
            { what: 'restore', who: 0 },
            ...after,
          ];
          const store = server.fresh();
          const replicas = [store, store.replica(), store.replica()];
          // The model: commits by name, in the store and as each replica has last seen them.
          const seen: string[][] = [[], [], []];
          let held: string[] = [];
          let copy: { readonly held: readonly string[]; readonly restore: () => Promise<void> } | null = null;
          for (const [i, { what, who: by }] of acts.entries()) {
            const replica = replicas[by] ?? store;
            if (what === 'backup') copy = { held: [...held], restore: await store.backup() };
            else if (what === 'restore') {
              await copy?.restore();
              held = [...(copy?.held ?? [])];
            } else {
              const sound = (seen[by] ?? []).every((name, at) => held[at] === name);
              const outcome = what === 'write' ? await write(replica, `c${i}`) : await replica.traffic.table('edge');
              expect(outcome.kind).toBe(sound ? (what === 'write' ? 'committed' : 'ok') : 'unavailable');
              if (!sound) return;
              if (what === 'write') held.push(`c${i}`);
              seen[by] = [...held];
            }
          }
        }),
        { numRuns: 60 },
      );
    });

    describe('reconciled', () => {
      /** A store that has lost one of two commits; `other` has seen both, too. */
      async function lost() {
        const store = server.fresh();
        const other = store.replica();
        await write(store, 'a');
        const restore = await store.backup();
        await write(store, 'b');
        await frozenOf(other);
        await restore();
        const freeze = await frozenOf(store);
        if (freeze === null) throw new Error('not frozen');
        return { store, other, freeze };
      }

      it('begins a new epoch that everybody follows', async () => {
        const { store, other, freeze } = await lost();
        const stranger = store.replica();
        const outcome = await store.lineage.reconcile(EMPTY_COMMIT, [], freeze);
        expect(outcome.kind).toBe('committed');
        expect([await frozenOf(store), await frozenOf(other), await frozenOf(stranger)]).toEqual([null, null, null]);
        expect((await write(other, 'c')).kind).toBe('committed');
        expect((await write(store, 'd')).kind).toBe('committed');
        const table = await store.traffic.table('edge');
        expect(table.kind === 'ok' && table.value.position.n).toBeGreaterThan(2);
      });

      it('sets whole tables, and moves those it was not told of to the new epoch', async () => {
        const { store, freeze } = await lost();
        const traffic = [{ fleet: 'inner', owner: 'route/shop', value: route }] as const;
        await store.lineage.reconcile({ ...EMPTY_COMMIT, traffic }, [{ fleet: 'inner', n: 40 }], freeze);
        const [edge, inner] = [await store.traffic.table('edge'), await store.traffic.table('inner')];
        if (edge.kind !== 'ok' || inner.kind !== 'ok') throw new Error('unreadable');
        expect(inner.value.position.n).toBe(41);
        expect([...inner.value.owners.keys()]).toEqual(['route/shop']);
        expect(edge.value.position).toEqual({ epoch: inner.value.position.epoch, n: 2 });
        expect([...edge.value.owners.keys()]).toEqual(['route/shop']);
      });

      it('empties a table that gets nothing', async () => {
        const { store, freeze } = await lost();
        await store.lineage.reconcile(EMPTY_COMMIT, [{ fleet: 'edge', n: 7 }], freeze);
        const edge = await store.traffic.table('edge');
        expect(edge.kind === 'ok' && [edge.value.position.n, edge.value.owners.size]).toEqual([8, 0]);
      });

      it('twice is a conflict, as is a record that has moved on', async () => {
        const { store, freeze } = await lost();
        const reads = [{ key: 'rollout/a', rev: 9 }] as const;
        const stale = await store.lineage.reconcile({ ...EMPTY_COMMIT, reads }, [], freeze);
        expect(stale).toMatchObject({ kind: 'conflict', key: 'rollout/a' });
        expect((await store.lineage.reconcile(EMPTY_COMMIT, [], freeze)).kind).toBe('committed');
        expect(await store.lineage.reconcile(EMPTY_COMMIT, [], freeze)).toMatchObject({ kind: 'conflict' });
      });

      it('freezes again when the new epoch is lost', async () => {
        const { store, freeze } = await lost();
        const restore = await store.backup();
        await store.lineage.reconcile(EMPTY_COMMIT, [], freeze);
        await restore();
        // The copy is frozen itself; whoever lifts that finds the epoch missing.
        const again = await frozenOf(store);
        expect(again).toMatchObject({ reason: 'lost' });
      });

      it('works on a store that is empty', async () => {
        const store = server.fresh();
        await write(store, 'a');
        await store.wipe();
        const freeze = await frozenOf(store);
        if (freeze === null) throw new Error('not frozen');
        const traffic = [{ fleet: 'edge', owner: 'route/shop', value: route }] as const;
        const outcome = await store.lineage.reconcile({ ...EMPTY_COMMIT, traffic }, [{ fleet: 'edge', n: 1 }], freeze);
        expect(outcome.kind).toBe('committed');
        expect((await write(store, 'b')).kind).toBe('committed');
        expect(await frozenOf(store)).toBeNull();
      });
    });
  });
}
