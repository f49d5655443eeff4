import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/adapters/store/embedded-redis.ts';
import { createRedisStore, type RedisStore } from '../../../src/adapters/store/redis-store.ts';
import type { RouteTraffic } from '../../../src/core/model/traffic.ts';
import type { Commit } from '../../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';
import { EMPTY, notice } from '../../contract/store.contract.ts';
import { quiet } from '../../support/quiet-logger.ts';

let dir: string;
let redis: EmbeddedRedis;
let store: RedisStore;
let raw: Redis;

async function boot(): Promise<EmbeddedRedis> {
  const started = await startEmbeddedRedis({ dir, searchFolders: [resolve('.tools/bin')], logger: quiet });
  if (started.kind !== 'started') throw new Error(started.detail);
  return started.redis;
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'serin-redis-'));
  redis = await boot();
  store = createRedisStore({ connection: { socketPath: redis.socketPath }, deadlineMs: 500, logger: quiet });
  raw = new Redis({ path: redis.socketPath });
  raw.on('error', () => undefined);
}, 20_000);
afterEach(async () => {
  store.close();
  raw.disconnect();
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
}, 20_000);

const shop: RouteTraffic = { kind: 'route', route: 'shop', spec: { fleet: 'edge', hostnames: [], rules: [] } };

/** A commit that touches every kind of key. */
const everything: Commit = {
  ...EMPTY_COMMIT,
  reads: [{ key: 'rollout/a', rev: 0 }],
  writes: [{ key: 'rollout/a', body: { a: 1 } }],
  events: [
    {
      rolloutId: 'a',
      type: 'started',
      atMs: 1,
      by: 'serin',
      phase: 'pending',
      step: -1,
      message: 'started',
      data: {},
    },
  ],
  outbox: [{ queue: 'a~deploys', notice: notice('n1', 'a') }],
  due: [{ subject: 'rollout/a', atMs: 1 }],
  traffic: [{ fleet: 'edge', owner: 'route/shop', value: shop }],
  active: [{ rolloutId: 'a', phase: 'stepping', evidenceAtMs: 1, blind: false }],
};

async function keys(): Promise<string[]> {
  return (await raw.keys('*')).toSorted();
}

describe('a commit is all or nothing', () => {
  it('uses one hash tag for every key, so that a cluster keeps them together', async () => {
    await store.records.commit(everything);
    const made = await keys();
    expect(made.length).toBeGreaterThan(8);
    for (const key of made) expect(key).toMatch(/^\{serin\}:/);
  });

  it.each([
    ...[
      'due',
      'index:rollout/',
      'events:a',
      'outbox:a~deploys',
      'traffic:edge',
      'fleets',
      'changes',
      'head',
      'journal',
      'tail',
    ],
    ...['waiting', 'active', 'evidence', 'phases'],
  ])('changes nothing when %s is not what Serin wrote', async (name) => {
    if (name === 'active') await raw.set(`{serin}:${name}`, 'foreign');
    else await raw.hset(`{serin}:${name}`, 'foreign', 'x');
    if (name === 'traffic:edge') await raw.hset(`{serin}:${name}`, '@n', 'NaN');
    if (name === 'head') await raw.hset(`{serin}:${name}`, 'n', 'NaN');
    const before = await keys();
    expect(await store.records.commit(everything)).toMatchObject({
      kind: 'unavailable',
      detail: expect.stringContaining(name),
    });
    expect(await keys()).toEqual(before);
  });

  it('F7: changes nothing when Redis is out of memory, deletes included', async () => {
    await store.records.commit(everything);
    await raw.config('SET', 'maxmemory', '1');
    const change: Commit = {
      ...EMPTY,
      reads: [{ key: 'rollout/a', rev: 1 }],
      writes: [{ key: 'rollout/a', body: null }],
      due: [
        { subject: 'rollout/a', atMs: null },
        { subject: 'rollout/b', atMs: 1 },
      ],
    };
    expect(await store.records.commit(change)).toMatchObject({
      kind: 'unavailable',
      detail: expect.stringMatching(/OOM/),
    });
    await raw.config('SET', 'maxmemory', '0');
    expect(await raw.zrange('{serin}:due', '0', '-1')).toContain('rollout/a');
    expect(await store.records.commit(change)).toMatchObject({ kind: 'committed' });
  });

  it('F7: is unavailable on a server that became a replica, and while a script keeps it busy', async () => {
    await raw.replicaof('127.0.0.1', '1');
    expect(await store.records.commit(everything)).toMatchObject({ kind: 'unavailable' });
    expect(await store.health()).toMatchObject({ kind: 'unusable' });
    await raw.replicaof('NO', 'ONE');
    await raw.config('SET', 'busy-reply-threshold', '20');
    const busy = raw.eval('while true do end', '0').catch((error: unknown) => String(error));
    await expect
      .poll(async () => (await store.records.time()).kind, { timeout: 5000, interval: 20 })
      .toBe('unavailable');
    const killer = new Redis({ path: redis.socketPath, enableReadyCheck: false });
    killer.on('error', () => undefined);
    await expect.poll(async () => await killer.script('KILL').catch(() => null), { timeout: 5000 }).toBe('OK');
    killer.disconnect();
    expect(await busy).toContain('killed');
    await expect.poll(async () => (await store.records.commit(everything)).kind, { timeout: 5000 }).toBe('committed');
  });
});

describe('what cannot be read is named', () => {
  it.each([
    ['a body that is no JSON', () => raw.hset('{serin}:record:rollout/a', 'body', '{"half')],
    ['an empty body', () => raw.hset('{serin}:record:rollout/a', 'body', 'null')],
    ['a rev that is no number', () => raw.hset('{serin}:record:rollout/a', 'rev', '1e3')],
    ['a record without a rev', () => raw.hdel('{serin}:record:rollout/a', 'rev')],
    [
      'a key of another type',
      () => raw.multi().del('{serin}:record:rollout/a').set('{serin}:record:rollout/a', 'x').exec(),
    ],
  ])('%s', async (_, damage) => {
    await store.records.commit(everything);
    await damage();
    expect(await store.records.read(['rollout/a'])).toMatchObject({ kind: 'corrupt', key: 'rollout/a' });
    expect(await store.records.list('rollout/', { limit: 5, cursor: null })).toMatchObject({ kind: 'corrupt' });
    // Nothing may be decided over it as if it did not exist.
    expect((await store.records.commit(everything)).kind).not.toBe('committed');
  });

  it.each([
    ['route/shop', 'no bar'],
    ['route/shop', '1|{"kind":"route"}'],
    ['route/shop', '1|{'],
    ['@n', 'x'],
  ])('a traffic table whose %s is "%s"', async (field, text) => {
    await store.records.commit(everything);
    await raw.hset('{serin}:traffic:edge', field, text);
    expect(await store.traffic.table('edge')).toMatchObject({ kind: 'corrupt', key: '{serin}:traffic:edge' });
  });

  it('an event and a notice', async () => {
    await store.records.commit(everything);
    await raw.xadd('{serin}:events:a', '*', 'e', '{"type":"step"}');
    expect(await store.records.events('a', { after: null, limit: 9 })).toMatchObject({ kind: 'corrupt' });
    await raw.lset('{serin}:outbox:a~deploys', 0, 'n1\n{}');
    expect(await store.outbox.head('a~deploys')).toMatchObject({ kind: 'corrupt' });
  });
});

describe('outages', () => {
  it('F4: keeps everything over a kill and a restart, and reports every fleet once to followers', async () => {
    await store.records.commit(everything);
    const reported: string[] = [];
    const following = await store.traffic.follow((fleets) => reported.push(...fleets));
    process.kill(redis.pid, 'SIGKILL');
    await redis.exited;
    expect((await store.records.read(['rollout/a'])).kind).toBe('unavailable');
    redis = await boot();
    await expect.poll(async () => (await store.records.read(['rollout/a'])).kind, { timeout: 10_000 }).toBe('ok');
    await expect.poll(() => reported, { timeout: 10_000 }).toContain('edge');
    await following.stop();
    expect(await store.traffic.table('edge')).toMatchObject({ value: { position: { n: 1 } } });
    expect(await store.due.lease(9, 1000)).toMatchObject({
      value: expect.arrayContaining([expect.objectContaining({ subject: 'rollout/a' })]),
    });
  }, 30_000);

  it('begins another epoch when the data is gone, for one who has not seen it', async () => {
    await store.records.commit(everything);
    const before = await store.traffic.table('edge');
    await raw.flushall();
    const next = createRedisStore({ connection: { socketPath: redis.socketPath }, logger: quiet });
    const after = await next.traffic.table('edge');
    if (before.kind !== 'ok' || after.kind !== 'ok') throw new Error('unavailable');
    expect(after.value.position.epoch).not.toBe(before.value.position.epoch);
    expect(await next.records.commit(everything)).toMatchObject({
      kind: 'committed',
      fleets: { edge: { epoch: after.value.position.epoch, n: 1 } },
    });
    expect(await store.traffic.table('edge')).toMatchObject({ kind: 'unavailable', frozen: true });
    next.close();
  });

  it('answers within its deadline where nothing listens', async () => {
    const nowhere = createRedisStore({
      connection: { socketPath: join(dir, 'nothing.sock') },
      deadlineMs: 200,
      logger: quiet,
    });
    const begun = performance.now();
    expect((await nowhere.records.time()).kind).toBe('unavailable');
    expect((await nowhere.health()).kind).toBe('unavailable');
    const following = await nowhere.traffic.follow(() => undefined);
    await following.stop();
    expect(performance.now() - begun).toBeLessThan(5000);
    nowhere.close();
  });

  it('loses no effect and doubles none when replies are lost', async () => {
    for (let rev = 0; rev < 20; rev += 1) {
      const commit = {
        ...EMPTY,
        reads: [{ key: 'rollout/a', rev }],
        writes: [{ key: 'rollout/a', body: { rev } }],
      } as const;
      const pending = store.records.commit(commit);
      // Cuts the connection while the commit may be under way.
      await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      const outcome = await pending;
      await expect.poll(async () => (await store.records.time()).kind, { timeout: 5000, interval: 5 }).toBe('ok');
      const read = await store.records.read(['rollout/a']);
      if (read.kind !== 'ok') throw new Error(read.detail);
      if (read.value[0]?.rev === rev) {
        expect(outcome.kind).toBe('unavailable');
        expect((await store.records.commit(commit)).kind).toBe('committed');
      } else {
        expect(read.value[0]).toMatchObject({ rev: rev + 1, body: { rev } });
        expect(await store.records.commit(commit)).toEqual({ kind: 'conflict', key: 'rollout/a' });
      }
    }
  }, 30_000);
});
