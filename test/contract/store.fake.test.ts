import { expect, it } from 'vitest';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { EMPTY, storeContract } from './store.contract.ts';

storeContract('in memory', async () => {
  const clock = fakeClock();
  const { faults, ...ports } = fakeStore(clock);
  return {
    ...ports,
    elapse: (ms) => clock.advance(ms),
    corrupt: async (key) => faults.corrupt(key),
    goDown: async () => faults.setDown(true),
    comeBack: async () => faults.setDown(false),
    close: async () => undefined,
  };
});

it('injects faults into the next commits, one by one', async () => {
  const store = fakeStore(fakeClock());
  const commit = (rev: number) =>
    store.records.commit({
      ...EMPTY,
      reads: [{ key: 'rollout/r', rev }],
      writes: [{ key: 'rollout/r', body: { rev } }],
    });
  store.faults.failNextCommit('conflict', 'unavailable', 'reply lost');
  expect((await commit(0)).kind).toBe('conflict');
  expect((await commit(0)).kind).toBe('unavailable');
  expect(store.commits()).toBe(0);
  expect((await commit(0)).kind).toBe('unavailable');
  expect(store.commits()).toBe(1);
  expect((await commit(1)).kind).toBe('committed');
});
