import { describe, expect, it } from 'vitest';
import { dueCheck, storeCheck } from '../../src/engine/readiness.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';

describe('a scheduler is ready', () => {
  it('whether due work is taken or not, and says which: people need the API to go back', async () => {
    const clock = fakeClock();
    const { due } = fakeStore(clock);
    const taken = { name: 'due', roles: ['scheduler'], ok: true, detail: 'due work is taken' };
    expect(await dueCheck(due, clock)).toEqual(taken);
    await due.schedule('rollout/r1', clock.now());
    await clock.advance(30_000);
    expect(await dueCheck(due, clock)).toEqual(taken);
    await clock.advance(5_000);
    expect(await dueCheck(due, clock)).toMatchObject({ ok: true, detail: 'work has been due for 35 s' });
  });

  it('and the store answers', async () => {
    const clock = fakeClock();
    const { due, lineage, faults } = fakeStore(clock);
    expect(await storeCheck(lineage)).toMatchObject({ name: 'store', ok: true });
    faults.setDown(true);
    expect(await storeCheck(lineage)).toMatchObject({ roles: ['api', 'scheduler'], ok: false, detail: 'unavailable' });
    expect(await dueCheck(due, clock)).toMatchObject({ ok: false, detail: 'unavailable' });
  });

  it('also while the store is frozen, and says why', async () => {
    const frozen = {
      reason: 'lost',
      seen: { epoch: 'e', n: 9 },
      found: { epoch: 'e', n: 7 },
      atMs: 1,
      by: 'a',
    } as const;
    const lineage = { look: async () => ({ kind: 'ok', value: { frozen: { ...frozen, mine: true } } }) as const };
    expect(await storeCheck(lineage)).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^frozen: .* lost commits/),
    });
  });
});
