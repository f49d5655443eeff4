import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { lineageContract } from './lineage.contract.ts';

lineageContract('in memory', async () => ({
  fresh: () => {
    const { faults, ...ports } = fakeStore(fakeClock());
    return {
      ...ports,
      backup: async () => {
        const restore = faults.backup();
        return async () => restore();
      },
      wipe: async () => faults.wipe(),
      forget: async () => faults.forgetHistory(),
    };
  },
  close: async () => undefined,
}));
