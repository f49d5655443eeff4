import { expect, it } from 'vitest';
import { declareListeners } from '../../src/engine/declare-listeners.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';

const ingress = { listener: 'ingress', address: '127.0.0.1', port: 10_000 };
const admin = { listener: 'admin', address: '127.0.0.1', port: 10_001 };

it('what the configuration says is what stands in the records, written once', async () => {
  const store = fakeStore(fakeClock());
  const declare = (...listeners: (typeof ingress)[]) => declareListeners(store, [{ fleet: 'edge', listeners }]);
  const owners = async () => {
    const table = await store.traffic.table('edge');
    return table.kind === 'ok' ? [...table.value.owners] : [];
  };
  expect(await declare()).toEqual({ kind: 'ok', value: 'same' });
  expect(store.commits()).toBe(0);
  expect(await declare(ingress, admin)).toEqual({ kind: 'ok', value: 'changed' });
  expect(await declare(ingress, admin)).toEqual({ kind: 'ok', value: 'same' });
  expect(await owners()).toMatchObject([
    ['listener/ingress', { n: 1, value: { kind: 'listener', port: 10_000 } }],
    ['listener/admin', { n: 1 }],
  ]);
  // when one moves and one goes
  await declare({ ...ingress, port: 10_002 });
  expect(await owners()).toMatchObject([['listener/ingress', { n: 2, value: { port: 10_002 } }]]);
});

it('a store that is away is an error, and nothing is half written', async () => {
  const store = fakeStore(fakeClock());
  store.faults.failNextCommit('unavailable');
  expect(await declareListeners(store, [{ fleet: 'edge', listeners: [ingress] }])).toMatchObject({
    errors: [{ code: 'SERIN_STORE_UNAVAILABLE' }],
  });
});
