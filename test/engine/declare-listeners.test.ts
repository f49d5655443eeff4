import { describe, expect, it } from 'vitest';
import { declareListeners } from '../../src/engine/declare-listeners.ts';
import type { Logger } from '../../src/engine/ports/logger.ts';
import type { Commit } from '../../src/engine/ports/store.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { type FakeStore, fakeStore } from '../support/fake-store.ts';
import { quiet } from '../support/quiet-logger.ts';

const ingress = { listener: 'ingress', address: '127.0.0.1', port: 10_000 };
const admin = { listener: 'admin', address: '127.0.0.1', port: 10_001 };
type Listener = typeof ingress;

interface Warning {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** One engine with its own configuration on a store. */
function engine(store: FakeStore) {
  const warnings: Warning[] = [];
  const logger: Logger = { ...quiet, warn: (message, fields) => void warnings.push({ message, fields }) };
  return {
    warnings,
    logger,
    declare: (...listeners: Listener[]) => declareListeners({ ...store, logger }, [{ fleet: 'edge', listeners }]),
  };
}

async function owners(store: FakeStore) {
  const table = await store.traffic.table('edge');
  return table.kind === 'ok' ? [...table.value.owners] : [];
}

/** The store as one engine sees it, to whose next commits others come first. */
function raced(store: FakeStore, ...others: readonly (() => Promise<unknown>)[]): FakeStore {
  const first = [...others];
  return {
    ...store,
    records: {
      ...store.records,
      async commit(commit: Commit) {
        await first.shift()?.();
        return await store.records.commit(commit);
      },
    },
  };
}

it('what the configuration says is what stands in the records, written once', async () => {
  const store = fakeStore(fakeClock());
  const { declare, warnings } = engine(store);
  expect(await declare()).toEqual({ kind: 'ok', value: 'same' });
  expect(store.commits()).toBe(0);
  expect(await declare(ingress, admin)).toEqual({ kind: 'ok', value: 'changed' });
  expect(await declare(ingress, admin)).toEqual({ kind: 'ok', value: 'same' });
  expect(store.commits()).toBe(1);
  expect(await owners(store)).toMatchObject([
    ['listener/ingress', { n: 1, value: { kind: 'listener', port: 10_000 } }],
    ['listener/admin', { n: 1 }],
  ]);
  expect(warnings).toEqual([]);
});

describe('what stands there and is not what the configuration says', () => {
  it('is replaced, with a warning that names what was there', async () => {
    const store = fakeStore(fakeClock());
    await engine(store).declare(ingress, admin);
    const { declare, warnings } = engine(store);
    await declare({ ...ingress, port: 10_002 });
    expect(await owners(store)).toMatchObject([['listener/ingress', { n: 2, value: { port: 10_002 } }]]);
    expect(warnings.map(({ fields }) => fields)).toEqual([
      { fleet: 'edge', listener: 'admin', was: '127.0.0.1:10001', now: 'none' },
      { fleet: 'edge', listener: 'ingress', was: '127.0.0.1:10000', now: '127.0.0.1:10002' },
    ]);
  });

  it('is read again where another engine came first: it is replaced knowingly, and named', async () => {
    const store = fakeStore(fakeClock());
    const other = engine(store);
    const racing = raced(store, () => other.declare({ ...ingress, port: 10_003 }));
    const { declare, warnings } = engine(racing);
    expect(await declare(ingress)).toEqual({ kind: 'ok', value: 'changed' });
    expect(await owners(store)).toMatchObject([['listener/ingress', { n: 2, value: { port: 10_000 } }]]);
    expect(warnings.map(({ fields }) => fields)).toEqual([
      { fleet: 'edge', listener: 'ingress', was: '127.0.0.1:10003', now: '127.0.0.1:10000' },
    ]);
    // Both have said what they had to say: who came first does not come back.
    expect(store.commits()).toBe(2);
  });

  it('is left where another engine came first with the same', async () => {
    const store = fakeStore(fakeClock());
    const other = engine(store);
    const { declare } = engine(raced(store, () => other.declare(ingress)));
    expect(await declare(ingress)).toEqual({ kind: 'ok', value: 'same' });
    expect(store.commits()).toBe(1);
  });

  it('stays where others come first again and again', async () => {
    const store = fakeStore(fakeClock());
    const other = engine(store);
    let port = 10_000;
    const others = Array.from({ length: 10 }, () => () => {
      port += 1;
      return other.declare({ ...ingress, port });
    });
    const { declare, warnings } = engine(raced(store, ...others));
    expect(await declare(admin)).toMatchObject({ errors: [{ code: 'SERIN_CONFLICT' }] });
    expect(await owners(store)).toMatchObject([['listener/ingress', {}]]);
    expect(warnings).toEqual([]);
  });
});

it('a store that is away is an error, and nothing is half written', async () => {
  const store = fakeStore(fakeClock());
  store.faults.failNextCommit('unavailable');
  expect(await engine(store).declare(ingress)).toMatchObject({ errors: [{ code: 'SERIN_STORE_UNAVAILABLE' }] });
  store.faults.setDown(true);
  expect(await engine(store).declare(ingress)).toMatchObject({ errors: [{ code: 'SERIN_STORE_UNAVAILABLE' }] });
});
