import { createSystemClock } from '../../src/platform/system-clock.ts';
import { fakeHooks } from '../support/fake-hooks.ts';
import { hooksContract } from './hooks.contract.ts';

hooksContract('in memory', async () => {
  const hooks = fakeHooks(createSystemClock());
  return {
    hooks,
    says: (what) => {
      hooks.says = what === 'hang' ? what : { kind: what, detail: `it says ${what}` };
    },
    arrived: () => hooks.asked.map(({ id }) => id),
    close: async () => hooks.close(),
  };
});
