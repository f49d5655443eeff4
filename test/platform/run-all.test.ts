import { expect, it } from 'vitest';
import { runAll } from '../../src/platform/run-all.ts';

it('runs every step in its turn, and tells of all that failed at the end', async () => {
  const seen: string[] = [];
  const steps = [
    async () => {
      await Promise.resolve();
      seen.push('first');
    },
    () => {
      throw new Error('second');
    },
    () => Promise.reject(new Error('third')),
    () => seen.push('last'),
  ];
  await expect(runAll(steps)).rejects.toMatchObject({ errors: [{ message: 'second' }, { message: 'third' }] });
  expect(seen).toEqual(['first', 'last']);
});

it('is quiet where nothing fails', async () => {
  await expect(runAll([() => 1, async () => 2])).resolves.toBeUndefined();
});
