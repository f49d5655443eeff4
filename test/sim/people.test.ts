import { expect, it } from 'vitest';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { dice } from './dice.ts';
import { people } from './people.ts';
import type { Replica } from './replica.ts';

/** A replica that answers nothing: each read of the store waits for ever. */
function hangingReplica() {
  let alive = true;
  const records = { read: () => new Promise<never>(() => undefined) };
  const deps = { records, clock: fakeClock() } as unknown as Dependencies;
  const replica = { name: 'r1', alive: () => alive, as: () => deps } as unknown as Replica;
  return {
    replica,
    die: () => {
      alive = false;
    },
  };
}

it('is not idle while a replica may still act on a call that was given up', async () => {
  const clock = fakeClock();
  const { replica, die } = hangingReplica();
  let ready: readonly Replica[] = [replica];
  const callers = people({
    clock,
    store: fakeStore(clock),
    dice: dice(1, null),
    storm: () => false,
    ready: () => ready,
    refuses: () => false,
    trace: (what) => {
      // It has given up, and nobody is there to be asked again.
      if (what.endsWith('no answer')) ready = [];
    },
  });
  callers.trigger('shop');
  await clock.advance(5_000);
  expect(ready).toEqual([]);
  expect(callers.underWay()).toBe(true);
  die();
  expect(callers.underWay()).toBe(false);
});
