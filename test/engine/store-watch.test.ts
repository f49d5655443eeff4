import { beforeEach, describe, expect, it } from 'vitest';
import type { Notifier } from '../../src/engine/ports/notifier.ts';
import type { RecordKey } from '../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { createStoreWatch, type StoreWatch } from '../../src/engine/store-watch.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { type FakeStore, fakeStore } from '../support/fake-store.ts';
import { quiet } from '../support/quiet-logger.ts';

let clock: FakeClock;
let store: FakeStore;
let told: string[];
let errors: string[];
let thaws: number;
let receiverUp: boolean;
let trouble: readonly string[];
const notifier: Notifier = {
  targets: () => ['deploys', 'pager'],
  deliver: async (target, notice) => {
    if (!receiverUp) return { kind: 'retry', afterMs: 1_000, detail: 'HTTP 503' };
    told.push(`${target} ${notice.kind} ${notice.id}`);
    return { kind: 'delivered' };
  },
};
beforeEach(() => {
  clock = fakeClock();
  store = fakeStore(clock);
  [told, errors, thaws, receiverUp, trouble] = [[], [], 0, true, []];
});

async function watching(lineage = store.lineage): Promise<StoreWatch> {
  const logger = { ...quiet, error: (message: string) => void errors.push(message) };
  const watch = createStoreWatch({
    lineage,
    notifier,
    clock,
    logger,
    trouble: async () => trouble,
    onThaw: () => (thaws += 1),
  });
  await watch.start();
  return watch;
}

async function commit(key: RecordKey): Promise<void> {
  await store.records.commit({ ...EMPTY_COMMIT, reads: [{ key, rev: 0 }], writes: [{ key, body: {} }] });
}

async function loseOne(): Promise<void> {
  await commit('rollout/a');
  const restore = store.faults.backup();
  await commit('rollout/b');
  restore();
}

describe('a store that has lost something', () => {
  it('is found within a second although nobody commits, and told once to every notifier', async () => {
    const watch = await watching();
    await loseOne();
    await clock.advance(1_000);
    expect(watch.frozen()).toMatchObject({ reason: 'lost' });
    await clock.advance(60_000);
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/^deploys store_frozen store-/);
    expect(errors).toHaveLength(1);
  });

  it('is told by the replica that found it, and known to all', async () => {
    const watch = await watching();
    const other = await watching(store.replica().lineage);
    await loseOne();
    await clock.advance(2_000);
    expect([watch.frozen(), other.frozen()]).toEqual([
      expect.objectContaining({ mine: true }),
      expect.objectContaining({ mine: false }),
    ]);
    expect(told).toHaveLength(2);
  });

  it('is told again until somebody has heard it', async () => {
    receiverUp = false;
    await watching();
    await loseOne();
    await clock.advance(10_000);
    receiverUp = true;
    await clock.advance(2_000);
    expect(told).toHaveLength(2);
  });

  it('says when it may be used again', async () => {
    const watch = await watching();
    await loseOne();
    await clock.advance(1_000);
    const freeze = watch.frozen();
    if (freeze === null) throw new Error('not frozen');
    await store.lineage.reconcile(EMPTY_COMMIT, [], freeze);
    await clock.advance(1_000);
    expect([watch.frozen(), thaws]).toEqual([null, 1]);
  });
});

describe('a store that does not answer', () => {
  it('is measured from the first silence, and alerted after a minute, once', async () => {
    const watch = await watching();
    store.faults.setDown(true);
    await clock.advance(59_000);
    expect(errors).toEqual([]);
    expect(watch.downMs()).toBeGreaterThan(55_000);
    await clock.advance(120_000);
    expect(errors).toEqual(['the store has not answered for a minute; nothing advances']);
    store.faults.setDown(false);
    await clock.advance(1_000);
    expect(watch.downMs()).toBe(0);
    expect(watch.frozen()).toBeNull();
  });

  it('is not frozen by being away', async () => {
    const watch = await watching();
    await commit('rollout/a');
    store.faults.setDown(true);
    await clock.advance(5_000);
    store.faults.setDown(false);
    await clock.advance(1_000);
    expect(watch.frozen()).toBeNull();
  });
});

it('says once when the server that answers has got settings that lose data, and again when it is worse', async () => {
  await watching();
  await clock.advance(120_000);
  expect(errors).toEqual([]);
  trouble = ['maxmemory-policy is allkeys-lru'];
  await clock.advance(300_000);
  expect(errors).toEqual(['the store has settings that can lose data']);
  trouble = [...trouble, 'appendonly is off'];
  await clock.advance(61_000);
  expect(errors).toHaveLength(2);
});

it('looks no more once it is stopped', async () => {
  const watch = await watching();
  watch.stop();
  await loseOne();
  await clock.advance(10_000);
  expect(watch.frozen()).toBeNull();
});
