import { fakeClock } from '../support/fake-clock.ts';
import { type FakeStore, fakeStore } from '../support/fake-store.ts';
import { archiveContract } from './archive.contract.ts';

archiveContract('in memory', async () => ({
  fresh: () => fakeStore(fakeClock()),
  corrupt: async (store, key) => (store as FakeStore).faults.corrupt(key),
  close: async () => undefined,
}));
