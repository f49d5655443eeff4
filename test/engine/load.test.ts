import { expect, it } from 'vitest';
import { loadRolloutWith } from '../../src/engine/load.ts';
import { transitionCommit } from '../../src/engine/publish.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { quietTransition } from '../support/rollouts.ts';

it.each([
  ['with the backend that is likely its own', 'checkout', 'checkout'],
  ['alone, where none is', null, undefined],
])('reads a rollout in one go, %s', async (_how, likely, backend) => {
  const store = fakeStore(fakeClock());
  await store.records.commit(transitionCommit(quietTransition(), { rollout: 0, backend: 0 }, true));
  let reads = 0;
  const read: typeof store.records.read = (keys) => {
    reads += 1;
    return store.records.read(keys);
  };
  const loaded = await loadRolloutWith({ ...store.records, read }, 'r1', likely);
  expect(reads).toBe(1);
  const value = loaded.kind === 'ok' ? loaded.value : null;
  expect(value?.rollout).toMatchObject({ rev: 1, body: { id: 'r1' } });
  expect(value?.backend?.kind === 'ok' ? value.backend.value.body?.backend : undefined).toBe(backend);
});

it('says when there is no such rollout', async () => {
  const store = fakeStore(fakeClock());
  expect(await loadRolloutWith(store.records, 'r9', 'checkout')).toMatchObject({
    value: { rollout: { rev: 0, body: null } },
  });
});
