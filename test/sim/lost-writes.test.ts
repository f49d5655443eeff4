import { expect, it } from 'vitest';
import { play } from './world.ts';

it('survives a store that lost commits, however people reconcile it; a replay brings all of them back', {
  timeout: 300_000,
}, async () => {
  const broken: string[] = [];
  let replayed = 0;
  for (let seed = 20; seed <= 60 && replayed < 2 && broken.length === 0; seed += 1) {
    const played = await play({ seed, replicas: 2, rollouts: 2, nodes: 3, lostWrites: true });
    broken.push(...played.violations.map((violation) => `seed ${seed}: ${violation}`));
    if (played.replayed) replayed += 1;
  }
  expect(broken).toEqual([]);
  expect(replayed).toBe(2);
});
