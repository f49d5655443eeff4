import { expect, it } from 'vitest';
import { step } from '../../src/core/rollout/step.ts';
import { play } from './world.ts';

const SIZE = { replicas: 2, rollouts: 2, nodes: 3 };

it('notices that another version would have decided otherwise', async () => {
  const found: string[] = [];
  for (let seed = 1; seed <= 5 && found.length === 0; seed += 1) {
    const played = await play({
      ...SIZE,
      seed,
      // A later version that takes every judged step for passed.
      decideAgain: (input) =>
        step({
          ...input,
          judge: { name: 'credulous', assess: () => ({ verdicts: [], decision: 'advance', state: null }) },
        }),
    });
    found.push(...played.violations);
  }
  expect(found.filter((violation) => violation.startsWith('replay:'))).not.toEqual([]);
  expect(found.filter((violation) => !violation.startsWith('replay:'))).toEqual([]);
});
