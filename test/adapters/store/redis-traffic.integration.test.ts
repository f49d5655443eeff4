import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/adapters/store/embedded-redis.ts';
import { createRedisStore, type RedisStore } from '../../../src/adapters/store/redis-store.ts';
import type { FleetTable, RouteTraffic } from '../../../src/core/model/traffic.ts';
import type { Commit, StoreRead } from '../../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';
import { quiet } from '../../support/quiet-logger.ts';

let dir: string;
let redis: EmbeddedRedis;
let raw: Redis;
let opened: RedisStore[];

const open = (): RedisStore => {
  const store = createRedisStore({ connection: { socketPath: redis.socketPath }, logger: quiet });
  opened.push(store);
  return store;
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'serin-traffic-'));
  const started = await startEmbeddedRedis({ dir, searchFolders: [resolve('.tools/bin')], logger: quiet });
  if (started.kind !== 'started') throw new Error(started.detail);
  redis = started.redis;
  raw = new Redis({ path: redis.socketPath });
  raw.on('error', () => undefined);
  opened = [];
}, 20_000);
afterEach(async () => {
  for (const store of opened) store.close();
  raw.disconnect();
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
}, 20_000);

const owners = ['route/a', 'route/b', 'backend/c'] as const;
const route = (hostname: string): RouteTraffic => ({
  ...{ kind: 'route', route: 'any' },
  spec: { fleet: 'edge', hostnames: [hostname], rules: [] },
});

async function tableOf(store: RedisStore): Promise<FleetTable> {
  const read: StoreRead<FleetTable> = await store.traffic.table('edge');
  if (read.kind !== 'ok') throw new Error(JSON.stringify(read));
  return read.value;
}

const write = (traffic: Commit['traffic'], trials: Commit['trials'] = []): Commit => ({
  ...EMPTY_COMMIT,
  traffic,
  trials,
});

async function sentBytes(): Promise<number> {
  return Number(/total_net_output_bytes:(\d+)/.exec(await raw.info('stats'))?.[1]);
}

describe('a table that is read again and again', () => {
  it('is what somebody reads who has never read it, whatever was written between', async () => {
    const change = fc.oneof(
      fc.record({
        owner: fc.constantFrom(...owners),
        to: fc.option(fc.constantFrom('x', 'y', 'z')),
        beside: fc.boolean(),
      }),
      fc.record({ trial: fc.boolean() }),
    );
    const writer = open();
    const reader = open();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 8 }), async (rounds) => {
        for (const round of rounds) {
          for (const one of round) {
            const commit =
              'trial' in one
                ? write([], [{ fleet: 'edge', by: 'apply/t', trial: one.trial ? { probe: 'n', changes: [] } : null }])
                : write([
                    {
                      ...{ fleet: 'edge', owner: one.owner, value: one.to === null ? null : route(one.to) },
                      ...(one.beside ? { beside: true } : {}),
                    },
                  ]);
            expect((await writer.records.commit(commit)).kind).toBe('committed');
          }
          expect(await tableOf(reader)).toEqual(await tableOf(open()));
        }
      }),
      { numRuns: 25 },
    );
  });

  it('comes whole once: after that only what has changed is sent', async () => {
    // given
    const [writer, reader] = [open(), open()];
    const many = Array.from({ length: 200 }, (_, i) => {
      return { fleet: 'edge', owner: `route/r${i}`, value: route(`${i}-${'x'.repeat(2_000)}`) } as const;
    });
    await writer.records.commit(write(many));
    const before = await tableOf(reader);
    // when: nothing has changed
    const idle = await sentBytes();
    expect(await tableOf(reader)).toBe(before);
    expect((await sentBytes()) - idle).toBeLessThan(10_000);
    // when: one of them has
    await writer.records.commit(write([{ fleet: 'edge', owner: 'route/r7', value: route('seven') }]));
    const from = await sentBytes();
    const after = await tableOf(reader);
    // then
    expect((await sentBytes()) - from).toBeLessThan(40_000);
    expect(after.owners.get('route/r7')).toEqual({ n: 2, value: route('seven') });
    expect(after.owners.get('route/r8')).toBe(before.owners.get('route/r8'));
  });

  it('I13: is read whole where nobody can tell any more that the store is the one it was', async () => {
    // given
    const [writer, reader] = [open(), open()];
    await writer.records.commit(write([{ fleet: 'edge', owner: 'route/a', value: route('a') }]));
    await writer.records.commit(write([{ fleet: 'edge', owner: 'route/b', value: route('b') }]));
    await tableOf(reader);
    // when: the proof is gone, and what was read is not what stands there
    await raw.del('{serin}:journal');
    const cell = (await raw.hget('{serin}:traffic:edge', 'route/a')) ?? '';
    await raw.hset('{serin}:traffic:edge', 'route/a', cell.replace('"a"', '"other"'));
    // then
    expect((await tableOf(reader)).owners.get('route/a')?.value).toEqual(route('other'));
  });

  it('what could not be read is read whole when it is mended', async () => {
    const [writer, reader] = [open(), open()];
    await writer.records.commit(write([{ fleet: 'edge', owner: 'route/a', value: route('a') }]));
    await tableOf(reader);
    const [key, owner] = ['{serin}:traffic:edge', 'route/b'] as const;
    await writer.records.commit(write([{ fleet: 'edge', owner, value: route('b') }]));
    const cell = (await raw.hget(key, owner)) ?? '';
    // given
    await raw.hset(key, owner, 'nonsense');
    expect((await reader.traffic.table('edge')).kind).toBe('corrupt');
    // when
    await raw.hset(key, owner, cell);
    // then
    expect(await tableOf(reader)).toEqual(await tableOf(open()));
  });
});
