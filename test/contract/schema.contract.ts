import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MIGRATIONS, type Migration, SCHEMA, SHAPES, type Shapes, shapesOf } from '../../src/core/model/schema.ts';
import type { RouteTraffic } from '../../src/core/model/traffic.ts';
import { migrateStore } from '../../src/engine/migrate-store.ts';
import type { Commit, RecordKey, RecordStore, StoreRead, TrafficReader } from '../../src/engine/ports/store.ts';
import type { StoreArchive } from '../../src/engine/ports/store-archive.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { quiet } from '../support/quiet-logger.ts';
import { rollout } from '../support/rollouts.ts';
import { without } from '../support/without.ts';

/** A store as an engine of one version uses it. */
export interface Side {
  readonly records: RecordStore;
  readonly traffic: TrafficReader;
  readonly archive: StoreArchive;
}

export interface SidesUnderTest {
  /** A store with nothing in it; each call of what is returned is another engine on it. */
  fresh(): (shapes: Shapes) => Side;
  close(): Promise<void>;
}

/** The version to come: what says `fresh` is beyond the present one. */
const NEXT: Migration = {
  to: SCHEMA.version + 1,
  reader: SCHEMA.version,
  record: (key, body) => (key.startsWith('rollout/') ? { grown: true, ...(body as object) } : body),
  beyond: (_key, body) => JSON.stringify(body).includes('fresh'),
};
const next = shapesOf([...MIGRATIONS, NEXT]);
const early = shapesOf([]);
const route = (name: string): RouteTraffic => ({
  kind: 'route',
  route: name,
  spec: { fleet: 'edge', hostnames: [`${name}.example.com`], rules: [] },
});

function value<T>(read: StoreRead<T>): T {
  if (read.kind !== 'ok') throw new Error(`${read.kind}: ${read.detail}`);
  return read.value;
}

async function write({ records }: Side, key: RecordKey, body: unknown, rev = 0) {
  return records.commit({ ...EMPTY_COMMIT, reads: [{ key, rev }], writes: [{ key, body }] });
}

async function addRoute({ records }: Side, name: string, remove = false) {
  const traffic: Commit['traffic'] = [{ fleet: 'edge', owner: `route/${name}`, value: remove ? null : route(name) }];
  return records.commit({ ...EMPTY_COMMIT, traffic });
}

/** As it lies there, past everything that reads it. */
async function lying({ archive }: Side, key: string): Promise<unknown> {
  return value(await archive.dump()).lines.find((line) => line.kind === 'record' && line.key === key);
}

const NEWER = { kind: 'unavailable', newer: true, detail: expect.stringContaining(`schema version ${NEXT.to}`) };

export function schemaContract(name: string, open: () => Promise<SidesUnderTest>): void {
  describe(`versions of records: ${name}`, () => {
    let server: SidesUnderTest;
    let as: (shapes: Shapes) => Side;
    beforeAll(async () => {
      server = await open();
    }, 20_000);
    afterAll(() => server.close(), 20_000);
    const started = () => {
      as = server.fresh();
      return { older: as(SHAPES), newer: as(next) };
    };

    it('brings older records of every kind forward, once, and says of which version the store is', async () => {
      // given
      const { older } = started();
      const keys = ['document/Plan/p', 'backend/b', 'rollout/r', 'judge/r', 'verdicts/r', 'breaker/b'] as const;
      for (const key of keys) await write(as(early), key, { was: 'here' });
      const moves = shapesOf([
        { to: 1, reader: 0, record: (_key, body) => ({ moved: true, ...(body as object) }) },
        { to: 2, reader: 0, record: (_key, body) => body },
      ]);
      // when
      expect(await migrateStore(as(moves), quiet)).toEqual({ kind: 'ok', value: 'ready' });
      // then
      for (const key of keys) {
        expect(await lying(older, key)).toMatchObject({ rev: 2, body: { was: 'here', moved: true }, schema: '2' });
      }
      expect(value(await older.archive.schema()).version).toBe(2);
      await migrateStore(as(moves), quiet);
      expect(await lying(older, 'rollout/r')).toMatchObject({ rev: 2 });
    });

    it('reads an older record as the present version writes it, also before it was brought forward', async () => {
      const { older } = started();
      await write(as(early), 'rollout/r', without(rollout({}), 'drill'));
      const [read] = value(await older.records.read(['rollout/r']));
      expect(read).toMatchObject({ rev: 1, older: true, body: { drill: null } });
      const listed = value(await older.records.list('rollout/', { limit: 5, cursor: null }));
      expect(listed.records).toEqual([read]);
    });

    it('lets two versions write the same record in turn, and loses nothing of either', async () => {
      // given
      const { older, newer } = started();
      await write(older, 'rollout/r', { of: 'older' });
      const forward = value(await newer.records.read(['rollout/r']))[0]?.body as object;
      expect(forward).toEqual({ grown: true, of: 'older' });
      await write(newer, 'rollout/r', { ...forward, grown: 'a lot' }, 1);
      // when
      const seen = value(await older.records.read(['rollout/r']))[0]?.body as object;
      await write(older, 'rollout/r', { ...seen, of: 'older again' }, 2);
      // then
      const last = value(await newer.records.read(['rollout/r']))[0];
      expect(last).toMatchObject({ rev: 3, body: { grown: 'a lot', of: 'older again' } });
    });

    it('keeps an older version from reading what it would misread', async () => {
      const { older, newer } = started();
      await write(newer, 'rollout/r', { fresh: 1 });
      await write(older, 'rollout/s', { old: 1 });
      expect(await older.records.read(['rollout/s', 'rollout/r'])).toMatchObject(NEWER);
      expect(await older.records.list('rollout/', { limit: 5, cursor: null })).toMatchObject(NEWER);
      expect(value(await older.records.read(['rollout/s']))).toHaveLength(1);
      expect(value(await newer.records.read(['rollout/r']))[0]?.body).toEqual({ fresh: 1 });
    });

    it.each([
      ['write over', 'rollout/r', { old: 1 }, 'rollout/r'],
      ['delete', 'rollout/r', null, 'rollout/r'],
      ['delete with its rollout', 'rollout/q', null, 'judge/q'],
    ] as const)('keeps an older version from it: %s', async (_what, key, body, kept) => {
      // given
      const { older, newer } = started();
      await write(older, 'rollout/q', { old: 1 });
      for (const fresh of ['rollout/r', 'judge/q'] as const) await write(newer, fresh, { fresh: 1 });
      // when
      expect(await write(older, key, body, 1)).toMatchObject(NEWER);
      // then
      expect(await lying(newer, kept)).toMatchObject({ rev: 1, body: { fresh: 1 } });
      expect(await lying(newer, 'rollout/q')).toMatchObject({ rev: 1 });
    });

    it('keeps an older version from a table that it would misread in part', async () => {
      // given
      const { older, newer } = started();
      await addRoute(older, 'shop');
      await addRoute(newer, 'cart');
      expect(value(await older.traffic.table('edge')).owners.size).toBe(2);
      await addRoute(newer, 'fresh');
      // then
      expect(await older.traffic.table('edge')).toMatchObject(NEWER);
      expect(await older.traffic.standing('edge', 'route/fresh')).toMatchObject(NEWER);
      expect((await older.traffic.standing('edge', 'route/shop')).kind).toBe('ok');
      expect(value(await newer.traffic.table('edge')).owners.get('route/fresh')?.value).toEqual(route('fresh'));
      for (const remove of [true, false]) expect(await addRoute(older, 'fresh', remove)).toMatchObject(NEWER);
      expect((await addRoute(older, 'shop')).kind).toBe('committed');
      expect(value(await newer.traffic.table('edge')).owners.size).toBe(3);
    });

    it('keeps an older version from a trial that it would misread', async () => {
      const { older, newer } = started();
      const trial = { probe: 'n1', changes: [['route/fresh', route('fresh')]] as const };
      const by = 'apply/a';
      await newer.records.commit({ ...EMPTY_COMMIT, trials: [{ fleet: 'edge', by, trial }] });
      expect(await older.traffic.table('edge')).toMatchObject(NEWER);
      const ended = await older.records.commit({ ...EMPTY_COMMIT, trials: [{ fleet: 'edge', by, trial: null }] });
      expect(ended).toMatchObject(NEWER);
      expect(value(await newer.traffic.table('edge')).trial?.probe).toBe('n1');
    });

    it('lets nobody write who is older than the store takes', async () => {
      const { newer } = started();
      const closed = shapesOf([...MIGRATIONS, { ...NEXT, reader: NEXT.to }]);
      await migrateStore(as(closed), quiet);
      const refused = await write(as(SHAPES), 'rollout/r', {});
      expect(refused).toMatchObject({ kind: 'unavailable', newer: true });
      expect((await write(newer, 'rollout/r', {})).kind).toBe('committed');
    });

    it('takes all of it along in a dump', async () => {
      // given
      const { newer } = started();
      await write(newer, 'rollout/r', { fresh: 1 });
      await addRoute(newer, 'fresh');
      const { lines } = value(await newer.archive.dump());
      // when
      const copy = server.fresh();
      expect((await copy(next).archive.load(lines, { replace: false })).kind).toBe('loaded');
      // then
      expect(await copy(SHAPES).records.read(['rollout/r'])).toMatchObject(NEWER);
      expect(await copy(SHAPES).traffic.table('edge')).toMatchObject(NEWER);
      expect(value(await copy(next).traffic.table('edge')).owners.size).toBe(1);
    });
  });
}
