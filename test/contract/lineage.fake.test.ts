import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { type LineagesUnderTest, lineageContract } from './lineage.contract.ts';
import { tailContract } from './tail.contract.ts';

const open = async (): Promise<LineagesUnderTest> => ({
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
});

lineageContract('in memory', open);
tailContract('in memory', open);
