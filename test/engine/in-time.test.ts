import { expect, it } from 'vitest';
import { inTime } from '../../src/engine/in-time.ts';
import { fakeClock } from '../support/fake-clock.ts';

it('is what the work gives, and leaves no timer behind', async () => {
  const clock = fakeClock();
  expect(await inTime(clock, Promise.resolve('done'), 10, () => 'late')).toBe('done');
  await expect(inTime(clock, Promise.reject(new Error('broken')), 10, () => 'late')).rejects.toThrow('broken');
  await clock.advance(10);
  expect(clock.fired()).toBe(0);
});

it('is what stands for it once its time is over, at once where none is left', async () => {
  const clock = fakeClock();
  const never = new Promise<string>(() => undefined);
  let result: string | null = null;
  void inTime(clock, never, 10, () => 'late').then((value) => {
    result = value;
  });
  await clock.advance(9);
  expect(result).toBeNull();
  await clock.advance(1);
  expect(result).toBe('late');
  expect(await inTime(clock, never, 0, () => 'late')).toBe('late');
});
