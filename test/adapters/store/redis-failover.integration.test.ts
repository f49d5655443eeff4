import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createWakeUps } from '../../../src/adapters/scheduler/wake-ups.ts';
import { HASH_TAG, type RedisConnection, redisAddress } from '../../../src/adapters/store/redis-address.ts';
import { createRedisStore, type RedisStore } from '../../../src/adapters/store/redis-store.ts';
import { slotOf } from '../../../src/adapters/store/slot-owner.ts';
import type { RecordKey, Subject } from '../../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { type Undo, undoAll } from '../../support/installation.ts';
import { waitFor } from '../../support/processes.ts';
import { quiet } from '../../support/quiet-logger.ts';
import { askRedis, replicated, startCluster, startSentinels } from '../../support/redis-topologies.ts';

const undo: Undo[] = [];
afterEach(() => undoAll(undo, () => {}));

function open(connection: RedisConnection): RedisStore {
  const store = createRedisStore({ connection, waitForReplicas: 1, deadlineMs: 1_000, logger: quiet });
  undo.push(async () => store.close());
  return store;
}

/** Writes a rollout and an owner's traffic; `true` when it is done. */
async function commit(store: RedisStore, name: string): Promise<boolean> {
  const key: RecordKey = `rollout/${name}`;
  const read = await store.records.read([key]);
  if (read.kind !== 'ok') return false;
  const outcome = await store.records.commit({
    ...EMPTY_COMMIT,
    reads: [{ key, rev: read.value[0]?.rev ?? 0 }],
    writes: [{ key, body: { name } }],
    due: [{ subject: key as Subject, atMs: 1 }],
    traffic: [
      { fleet: 'edge', owner: 'listener/l', value: { kind: 'listener', listener: name, address: '::', port: 1 } },
    ],
  });
  return outcome.kind === 'committed';
}

/** Everything that Serin has at a Redis, before and after `failover`. */
async function survives(connection: RedisConnection, failover: () => Promise<void>): Promise<RedisStore> {
  const store = open(connection);
  expect(await store.health()).toMatchObject({ kind: 'ok' });
  const heard: string[] = [];
  const following = await store.traffic.follow((fleets) => void heard.push(...fleets));
  undo.push(() => following.stop());
  const hints: (string | null)[] = [];
  const ledger = store.ledger.follow((replica) => void hints.push(replica));
  undo.push(async () => ledger.stop());
  const runs = new Set<string>();
  const wakeUps = createWakeUps({
    ...{
      redis: redisAddress(connection),
      due: store.due,
      suspects: store.suspects,
      clock: createSystemClock(),
      logger: quiet,
    },
    ...{ silentMs: 2_000, stopDeadlineMs: 500 },
  });
  await wakeUps.start(async (subject) => {
    runs.add(subject);
    await store.due.forget(subject);
  });
  undo.push(() => wakeUps.stop());

  expect(await commit(store, 'before')).toBe(true);
  wakeUps.kick('backend/before');
  await waitFor(() => runs.has('rollout/before') && runs.has('backend/before'), { what: 'runs before' });
  await waitFor(async () => (await store.replication?.confirmed()) === true, { what: 'the replica' });

  await failover();

  await waitFor(() => commit(store, 'after'), { what: 'a commit after the failover' });
  expect(await store.records.read(['rollout/before'])).toMatchObject({ value: [{ rev: 1, body: { name: 'before' } }] });
  expect(await store.lineage.look()).toEqual({ kind: 'ok', value: { frozen: null } });
  heard.length = 0;
  await waitFor(
    async () => {
      await commit(store, 'heard');
      return heard.includes('edge');
    },
    { what: 'the change stream after it' },
  );
  await waitFor(
    () => {
      wakeUps.kick('backend/after');
      return runs.has('rollout/after') && runs.has('backend/after');
    },
    { what: 'due and kicked runs after it', everyMs: 200 },
  );
  const replica = `replica-${randomBytes(4).toString('hex')}`;
  await waitFor(async () => (await store.ledger.join(replica)).kind === 'ok', { what: 'the ledger' });
  await waitFor(
    async () => {
      await store.ledger.write(replica, hints.length + Date.now(), [{ fleet: 'edge', part: 'p', text: '[]' }]);
      return hints.includes(replica);
    },
    { what: 'a hint after it' },
  );
  return store;
}

describe('F6: behind Sentinel', () => {
  it('all goes on at the server that takes the place of the first', { timeout: 90_000 }, async () => {
    const { name, nodes, primary, replica } = await startSentinels(undo);
    const connection = { sentinel: { primary: name, nodes } };
    const store = await survives(connection, () => primary.process.kill());
    const role = await askRedis(replica.port, (client) => client.role());
    expect(role).toContain('master');
    // With one server left there is nobody to confirm.
    expect(await store.replication?.confirmed()).toBe(false);
  });

  it('F8: the side that was cut off publishes nothing new, and its writes are noticed', {
    timeout: 90_000,
  }, async () => {
    const { name, nodes, primary, replica } = await startSentinels(undo);
    const bystander = open({ sentinel: { primary: name, nodes } });
    // It knows the old primary alone, as an engine on that side of a split does.
    const cutOff = open({ url: `redis://127.0.0.1:${primary.port}` });
    expect(await commit(bystander, 'both')).toBe(true);
    await waitFor(async () => (await cutOff.replication?.confirmed()) === true, { what: 'the replica' });
    // The link between the two is cut, and the others go on with the replica.
    await askRedis(replica.port, (client) => client.replicaof('NO', 'ONE'));
    await askRedis(nodes[0]?.port ?? 0, (client) => client.call('SENTINEL', 'FAILOVER', name)).catch(() => undefined);
    expect(await commit(cutOff, 'lost')).toBe(true);
    expect(await cutOff.replication?.confirmed()).toBe(false);
    // The old primary is made a replica of the new one, and with that forgets what it took alone.
    await askRedis(primary.port, (client) => client.replicaof('127.0.0.1', `${replica.port}`));
    await replicated(replica.port, 1);
    const side = open({ url: `redis://127.0.0.1:${replica.port}` });
    expect(await commit(side, 'other')).toBe(true);
    const wrote = await cutOff.records.commit({
      ...EMPTY_COMMIT,
      reads: [{ key: 'rollout/lost', rev: 1 }],
      writes: [{ key: 'rollout/lost', body: {} }],
    });
    expect(wrote.kind).toBe('unavailable');
    expect(await side.records.read(['rollout/lost'])).toMatchObject({ kind: 'ok', value: [{ rev: 0 }] });
  });
});

describe('F6: in a cluster', () => {
  it('all goes on at the replica of the node that had the slot', { timeout: 90_000 }, async () => {
    const slot = slotOf(HASH_TAG);
    const { primaries, owner, replica } = await startCluster(undo, slot);
    const other = primaries.find((one) => one !== owner);
    const counted = await askRedis(owner.port, (client) => client.call('CLUSTER', 'KEYSLOT', `${HASH_TAG}:due`));
    expect(counted).toBe(slot);
    const connection = {
      cluster: {
        nodes: [
          { host: '127.0.0.1', port: other?.port ?? 0 },
          { host: '127.0.0.1', port: owner.port },
        ],
      },
    };
    await survives(connection, () => owner.process.kill());
    // Serin's keys and those of its queue are where one server can change them together.
    const keys = await askRedis(replica.port, (client) => client.keys('*'));
    expect(keys.some((key) => key.includes('wake-ups'))).toBe(true);
    expect(keys.filter((key) => slotOf(key) !== slot)).toEqual([]);
    const elsewhere = await askRedis(other?.port ?? 0, (client) => client.keys('*'));
    expect(elsewhere).toEqual([]);
  });

  it('a single address is refused, with what to write', { timeout: 60_000 }, async () => {
    const { owner } = await startCluster(undo, slotOf(HASH_TAG));
    const store = open({ url: `redis://127.0.0.1:${owner.port}` });
    onTestFinished(() => store.close());
    expect(await store.health()).toMatchObject({ kind: 'unusable', detail: expect.stringContaining('redis.cluster') });
  });

  it('says so when no node answers, and goes on trying', async () => {
    const store = open({ cluster: { nodes: [{ host: '127.0.0.1', port: 1 }] } });
    expect(await store.health()).toMatchObject({
      kind: 'unavailable',
      detail: expect.stringContaining('no node of the Redis cluster says'),
    });
  });
});
