import { fakeClock } from '../support/fake-clock.ts';
import { fakeLedger } from '../support/fake-ledger.ts';
import { ledgerContract } from './ledger.contract.ts';

ledgerContract('in memory', async () => {
  const clock = fakeClock();
  const ledger = fakeLedger(clock);
  return {
    ledger,
    expire: () => clock.advance(ledger.leaseMs),
    goDown: async () => ledger.setDown(true),
    comeBack: async () => ledger.setDown(false),
    close: async () => undefined,
  };
});
