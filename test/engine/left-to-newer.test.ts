import { expect, it } from 'vitest';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { reconcile } from '../../src/engine/reconcile.ts';

it('lets others have a rollout first that only a newer version understands', async () => {
  // given
  const done: string[] = [];
  const unavailable = { kind: 'unavailable', detail: 'rollout/r needs a newer Serin', newer: true } as const;
  const deps = {
    active: { backendOf: () => null },
    records: { read: async () => unavailable },
    clock: { now: () => 1_000 },
    due: { schedule: async (subject: string, atMs: number) => void done.push(`${subject} due at ${atMs}`) },
    wakeUps: { giveWay: () => void done.push('others first') },
  } as unknown as Dependencies;
  // when
  await reconcile(deps, 'r');
  // then
  expect(done).toEqual(['rollout/r due at 3000', 'others first']);
});
