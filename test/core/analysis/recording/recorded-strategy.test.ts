import { describe, expect, it } from 'vitest';
import { parseRecording } from '../../../../src/core/analysis/recording/parse-recording.ts';
import { peerPlan } from '../../../../src/core/analysis/recording/replay-settings.ts';
import { shippedStrategies } from '../../../../src/platform/strategy-files.ts';

const read = (plan: object) => parseRecording('r.jsonl', JSON.stringify({ plan }), shippedStrategies());
const stepsOf = (plan: object) => {
  const recording = read(plan);
  if (recording.kind === 'error') throw new Error(recording.errors.map(({ message }) => message).join());
  return peerPlan(recording.value.header).steps;
};
const wrong = (plan: object) => {
  const recording = read(plan);
  return recording.kind === 'error'
    ? recording.errors.map(({ path, message }) => `${path}: ${message}`).join()
    : 'read';
};

describe('the strategy of a recorded plan', () => {
  it('gives the steps that a Plan document with it would have', () => {
    expect(stepsOf({ strategy: { use: 'canary', with: { weights: [5, 50], hold: '4m' } } })).toEqual([
      { weight: 500, holdMs: 240_000 },
      { weight: 5_000, holdMs: 240_000 },
    ]);
  });

  it('stands back behind steps that are written out', () => {
    expect(stepsOf({ steps: [{ weight: 7 }], strategy: { use: 'canary' } })).toEqual([{ weight: 700, holdMs: 0 }]);
    expect(stepsOf({ strategy: { use: 'mine', steps: [{ weight: 9 }] } })).toEqual([{ weight: 900, holdMs: 0 }]);
  });

  it.each([
    [{ use: 'canari' }, 'plan.strategy.use: there is no strategy "canari". Did you mean "canary"?'],
    [{ use: 'canary', with: { weight: 5 } }, 'plan.strategy.with.weight: unknown parameter "weight"'],
    [{ use: 'canary', with: { weights: 'many' } }, 'plan.strategy.with.weights: expected list of'],
    [{ use: 'instant' }, 'plan.strategy.steps: expected at least one step'],
    [{}, 'plan.steps: expected steps'],
  ])('%j is refused', (strategy, words) => {
    expect(wrong({ strategy })).toContain(words);
  });
});
