import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { schemaContract } from './schema.contract.ts';

schemaContract('the fake', async () => ({
  fresh: () => {
    const store = fakeStore(fakeClock());
    return (shapes) => store.replica(shapes);
  },
  close: async () => {},
}));
