import { expect, it } from 'vitest';
import { createBackOff } from '../../../src/adapters/prometheus/back-off.ts';
import { fakeClock } from '../../support/fake-clock.ts';

const strain = (retryAfter?: string) => ({ retryAfter });

it('rests for longer after each failure in a row, and not at all after an answer', async () => {
  const clock = fakeClock();
  const backOff = createBackOff(clock);
  const rests: number[] = [];
  for (let i = 0; i < 7; i += 1) {
    backOff.heard(strain());
    let restedMs = 0;
    while (backOff.resting() !== null) {
      await clock.advance(500);
      restedMs += 500;
    }
    rests.push(restedMs);
  }
  expect(rests).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  backOff.heard(null);
  backOff.heard(strain());
  await clock.advance(1_000);
  expect(backOff.resting()).toBeNull();
});

it('takes several failures at once for one', async () => {
  const clock = fakeClock();
  const backOff = createBackOff(clock);
  for (let i = 0; i < 5; i += 1) backOff.heard(strain());
  await clock.advance(1_000);
  expect(backOff.resting()).toBeNull();
});

it('obeys Retry-After, for five minutes at the most', async () => {
  const clock = fakeClock();
  const backOff = createBackOff(clock);
  backOff.heard(strain('20'));
  await clock.advance(19_999);
  expect(backOff.resting()).toMatchObject({ gap: 'SOURCE_REFUSED', detail: expect.stringContaining('in 1 s') });
  await clock.advance(1);
  expect(backOff.resting()).toBeNull();
  backOff.heard(strain('86400'));
  await clock.advance(300_000);
  expect(backOff.resting()).toBeNull();
});
