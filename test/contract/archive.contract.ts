import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../src/core/model/audit.ts';
import type { RouteTraffic } from '../../src/core/model/traffic.ts';
import type { Notice, RolloutEvent } from '../../src/core/rollout/event.ts';
import type {
  AuditLog,
  CensusTaker,
  DecisionLog,
  DueSet,
  Outbox,
  RecordKey,
  RecordStore,
  StoreRead,
  TrafficReader,
} from '../../src/engine/ports/store.ts';
import type { ArchiveLine, StoreArchive } from '../../src/engine/ports/store-archive.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';

interface WholeStore {
  readonly records: RecordStore;
  readonly traffic: TrafficReader;
  readonly outbox: Outbox;
  readonly due: DueSet;
  readonly archive: StoreArchive;
  readonly decisions: DecisionLog;
  readonly counts: CensusTaker;
  readonly audit: AuditLog;
}

/** A server that holds any number of stores, each with nothing in it at first. */
export interface ArchivesUnderTest {
  fresh(): WholeStore;
  corrupt(store: WholeStore, key: RecordKey): Promise<void>;
  close(): Promise<void>;
}

const event: RolloutEvent = {
  ...{ rolloutId: 'r1', type: 'step', atMs: 1, by: 'serin', phase: 'stepping', step: 1 },
  ...{ message: 'ä line\nbreak', data: { weight: 500 } },
};
const notice = (id: string): Notice => ({
  ...{ id, rolloutId: 'r1', backend: 'shop', plan: 'shop', revision: 'v2', stable: 'v1', kind: 'step', tone: 'info' },
  ...{ title: `message ${id}`, fields: [], atMs: 1 },
});
const line = (id: string, stage: AuditEntry['stage'] = 'asked'): AuditEntry => ({
  ...{ id, stage, atMs: 1, by: 'ci', command: 'start', target: 'Plan/shop', detail: 'v2 "ä"', result: null },
});
const route: RouteTraffic = {
  kind: 'route',
  route: 'shop',
  spec: { fleet: 'edge', hostnames: ['shop.example.com'], rules: [] },
};

function value<T>(read: StoreRead<T>): T {
  if (read.kind !== 'ok') throw new Error(`${read.kind}: ${read.detail}`);
  return read.value;
}

/** Something of everything that a store may hold. */
async function fill({ records, outbox, audit }: WholeStore): Promise<void> {
  for (const stage of ['asked', 'answered'] as const) await audit.append(line('a1', stage));
  for (const [key, rev] of [
    ['document/Route/shop', 0],
    ['rollout/r1', 0],
    ['rollout/r2', 0],
    ['rollout/r1', 1],
    ['judge/r1', 0],
  ] as const) {
    const written = await records.commit({
      ...EMPTY_COMMIT,
      reads: [{ key, rev }],
      writes: [{ key, body: { key, rev, phase: 'stepping' } }],
      events: key === 'rollout/r1' ? [{ ...event, step: rev }] : [],
      decisions: key.startsWith('rollout/')
        ? ['', 'run', 'run', 'run'].map((run, i) => ({
            ...{ rolloutId: key.slice('rollout/'.length), run, rev },
            text: JSON.stringify({ ä: i }),
          }))
        : [],
    });
    if (written.kind !== 'committed') throw new Error(written.kind);
  }
  await records.commit({
    ...EMPTY_COMMIT,
    outbox: ['1', '2', '3'].map((id) => ({ queue: 'r1~deploys', notice: notice(id) })),
    due: [{ subject: 'rollout/r1', atMs: 9_000_000_000_000 }],
    traffic: [{ fleet: 'edge', owner: 'route/shop', value: route }],
    trials: [{ fleet: 'edge', by: 'apply/a', trial: { probe: 'n1', changes: [['route/shop', null]] } }],
  });
  await outbox.bury('r1~deploys', '1', 'gone for good');
}

const sorted = (lines: readonly ArchiveLine[]): string[] => lines.map((line) => JSON.stringify(line)).sort();

export function archiveContract(name: string, open: () => Promise<ArchivesUnderTest>): void {
  describe(`archive contract: ${name}`, () => {
    let server: ArchivesUnderTest;
    beforeAll(async () => {
      server = await open();
    }, 20_000);
    afterAll(async () => {
      await server.close();
    }, 20_000);

    it('dumps an empty store as nothing', async () => {
      const dump = value(await server.fresh().archive.dump());
      expect(dump).toMatchObject({ epoch: null, lines: [], damage: [] });
    });

    it('gives everything back from a dump', async () => {
      // given
      const store = server.fresh();
      await fill(store);
      const dump = value(await store.archive.dump());
      // when
      const other = server.fresh();
      expect((await other.archive.load(dump.lines, { replace: false })).kind).toBe('loaded');
      // then
      const again = value(await other.archive.dump());
      expect(again.damage).toEqual([]);
      expect(sorted(again.lines)).toEqual(sorted(dump.lines));
      expect(new Set(dump.lines.map(({ kind }) => kind)).size).toBe(8);
      const listed = value(await other.records.list('rollout/', { limit: 10, cursor: null }));
      expect(listed.records).toEqual([
        { key: 'rollout/r2', rev: 1, body: { key: 'rollout/r2', rev: 0, phase: 'stepping' } },
        { key: 'rollout/r1', rev: 2, body: { key: 'rollout/r1', rev: 1, phase: 'stepping' } },
      ]);
      expect(value(await other.outbox.head('r1~deploys'))?.notice.id).toBe('2');
      expect(value(await other.outbox.deadLetters(10))).toHaveLength(1);
      expect(value(await other.records.events('r1', { after: null, limit: 10 }))).toEqual(
        value(await store.records.events('r1', { after: null, limit: 10 })),
      );
      const page = { from: 0, limit: 100 };
      const kept = value(await store.decisions.read('r1', page));
      expect(kept.map(({ looks }) => looks)).toEqual([1, 1, 2, 1, 1, 2]);
      expect(value(await other.decisions.read('r1', page))).toEqual(kept);
      const [before, after] = [value(await store.traffic.table('edge')), value(await other.traffic.table('edge'))];
      expect(after.position.n).toBe(before.position.n);
      expect(after.position.epoch).not.toBe(before.position.epoch);
      expect({ ...after, position: null }).toEqual({ ...before, position: null });
    });

    it('counts what it was given', async () => {
      const store = server.fresh();
      await fill(store);
      const [copy, dump] = [server.fresh(), value(await store.archive.dump())];
      await copy.archive.load(dump.lines, { replace: false });
      const { active, outbox, deadLetters } = value(await copy.counts.census());
      expect([...active]).toEqual([['stepping', 2]]);
      expect(outbox).toEqual({ queues: 1, sinceMs: 1 });
      expect(deadLetters).toBe(1);
    });

    it('writes on where the dump ended', async () => {
      const store = server.fresh();
      await fill(store);
      const other = server.fresh();
      await other.archive.load(value(await store.archive.dump()).lines, { replace: false });
      const key: RecordKey = 'rollout/r3';
      await other.records.commit({
        ...EMPTY_COMMIT,
        reads: [
          { key, rev: 0 },
          { key: 'rollout/r1', rev: 2 },
        ],
        writes: [{ key, body: {} }],
        events: [event],
        traffic: [{ fleet: 'edge', owner: 'route/shop', value: null }],
      });
      const listed = value(await other.records.list('rollout/', { limit: 1, cursor: null }));
      expect(listed.records.map((record) => record.key)).toEqual([key]);
      expect(value(await other.records.events('r1', { after: null, limit: 10 }))).toHaveLength(3);
      expect(value(await other.traffic.table('edge')).position.n).toBe(
        value(await store.traffic.table('edge')).position.n + 1,
      );
    });

    it('does not touch a store that is in use', async () => {
      const store = server.fresh();
      await fill(store);
      const before = value(await store.archive.dump());
      expect(await store.archive.load([], { replace: false })).toEqual({ kind: 'not empty' });
      expect(value(await store.archive.dump()).lines).toEqual(before.lines);
    });

    it('replaces a store as a whole, under a new epoch', async () => {
      const store = server.fresh();
      await fill(store);
      const before = value(await store.archive.dump());
      const record: ArchiveLine = { kind: 'record', key: 'backend/shop', rev: 7, order: 5, body: { a: 1 } };
      const loaded = await store.archive.load([record], { replace: true });
      const after = value(await store.archive.dump());
      expect(loaded).toEqual({ kind: 'loaded', epoch: after.epoch });
      expect(after.epoch).not.toBe(before.epoch);
      expect(after.lines.filter(({ kind }) => kind !== 'audit')).toEqual([record]);
    });

    it('puts who did what among what was done there before, each line once', async () => {
      // given
      const store = server.fresh();
      await store.audit.append(line('first'));
      const early = value(await store.archive.dump()).lines;
      await store.audit.append(line('second'));
      // when
      const loads = [value(await store.archive.dump()).lines, early].map((lines) => [...lines, ...early]);
      for (const lines of loads) expect((await store.archive.load(lines, { replace: true })).kind).toBe('loaded');
      await store.audit.append(line('third'));
      // then
      const read = value(await store.audit.read({ after: null, sinceMs: null, limit: 10 }));
      expect(read.map(({ entry }) => entry.id)).toEqual(['first', 'second', 'third']);
    });

    it('keeps who did what when what is loaded says nothing of it', async () => {
      const store = server.fresh();
      await store.audit.append(line('first'));
      await store.archive.load([], { replace: true });
      const read = value(await store.audit.read({ after: null, sinceMs: null, limit: 10 }));
      expect(read.map(({ entry }) => entry.id)).toEqual(['first']);
    });

    it('names what cannot be read, and dumps the rest', async () => {
      const store = server.fresh();
      await fill(store);
      await server.corrupt(store, 'rollout/r2');
      const dump = value(await store.archive.dump());
      expect(dump.damage).toEqual([{ where: 'record:rollout/r2', detail: 'the body is not JSON' }]);
      expect(dump.lines).toContainEqual(expect.objectContaining({ key: 'rollout/r1' }));
    });
  });
}
